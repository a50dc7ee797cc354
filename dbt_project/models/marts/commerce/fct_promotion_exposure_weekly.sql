-- One row per product and panel week in which a store displayed it or a mailer showed it.
-- Exposure of a product in stores, never of a person.
with

    placements as (
        select source_key, product_id, store_id, week, is_on_display, is_in_mailer, data_origin
        from {{ ref("stg_promotions__placements_weekly") }}
    ),

    products as (
        select source_key, product_id, product_key from {{ ref("stg_catalog__products") }}
    ),

    -- One step per store first: counting rows of stores costs half of counting distinct
    -- stores (20.9 million placements, 2026-11). The snapshot a source serves is one batch
    -- and has one origin, so the origin splits no store.
    store_weeks as (
        select
            source_key,
            data_origin,
            product_id,
            week,
            store_id,
            count(*) as placement_count,
            max(case when is_on_display then 1 else 0 end) as display_store_count,
            max(case when is_in_mailer then 1 else 0 end) as mailer_store_count
        from placements
        group by source_key, data_origin, product_id, week, store_id
    ),

    product_weeks as (
        select
            source_key,
            product_id,
            week,
            sum(placement_count) as placement_count,
            count(*) as store_count,
            sum(display_store_count) as display_store_count,
            sum(mailer_store_count) as mailer_store_count,
            {{ common_origin("data_origin") }} as data_origin
        from store_weeks
        group by source_key, product_id, week
    ),

    final as (
        select
            products.product_key,
            product_weeks.week,
            cast(product_weeks.placement_count as bigint) as placement_count,
            product_weeks.store_count,
            cast(product_weeks.display_store_count as bigint) as display_store_count,
            cast(product_weeks.mailer_store_count as bigint) as mailer_store_count,
            product_weeks.data_origin
        from product_weeks
        -- A placed product that the catalogue does not know keeps its row without a key,
        -- and the test on the key says so.
        left join
            products
            on product_weeks.source_key = products.source_key
            and product_weeks.product_id = products.product_id
    )

select *
from final
