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

    -- Read a second time: DuckDB would keep all placements aside if both read one CTE.
    sources as (
        select
            source_key,
            data_origin,
            row_number() over (order by source_key nulls last, data_origin nulls last) as source_no
        from {{ ref("stg_promotions__placements_weekly") }}
        group by source_key, data_origin
    ),

    -- One step per store first: counting rows of stores costs half of counting distinct
    -- stores, and text in the key doubles it again (20.9 million placements, 2026-11). The
    -- snapshot a source serves is one batch and has one origin, so the origin splits no store.
    store_weeks as (
        select
            sources.source_no,
            placements.product_id,
            placements.week,
            placements.store_id,
            count(*) as placement_count,
            max(case when placements.is_on_display then 1 else 0 end) as display_store_count,
            max(case when placements.is_in_mailer then 1 else 0 end) as mailer_store_count
        from placements
        inner join
            sources
            on placements.source_key = sources.source_key
            and placements.data_origin = sources.data_origin
        group by sources.source_no, placements.product_id, placements.week, placements.store_id
    ),

    source_weeks as (
        select
            source_no,
            product_id,
            week,
            sum(placement_count) as placement_count,
            count(*) as store_count,
            sum(display_store_count) as display_store_count,
            sum(mailer_store_count) as mailer_store_count
        from store_weeks
        group by source_no, product_id, week
    ),

    product_weeks as (
        select
            sources.source_key,
            source_weeks.product_id,
            source_weeks.week,
            sum(source_weeks.placement_count) as placement_count,
            sum(source_weeks.store_count) as store_count,
            sum(source_weeks.display_store_count) as display_store_count,
            sum(source_weeks.mailer_store_count) as mailer_store_count,
            {{ common_origin("sources.data_origin") }} as data_origin
        from source_weeks
        inner join sources on source_weeks.source_no = sources.source_no
        group by sources.source_key, source_weeks.product_id, source_weeks.week
    ),

    final as (
        select
            products.product_key,
            product_weeks.week,
            cast(product_weeks.placement_count as bigint) as placement_count,
            cast(product_weeks.store_count as bigint) as store_count,
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
