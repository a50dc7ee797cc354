-- One row per placement of a product in a store and week. A view without keys of our own:
-- a copy of the panel's 20.9 million rows would cost more than all other contracts, and only
-- the weekly fact reads it. Two placements may share product, store and week.
{{ config(materialized="view", meta={"accepted_batches_of": ["promotions"]}) }}
with

    landed_placements as (
        select source_key, batch_id, product_id, store_id, week, display_location, mailer_location
        from {{ ref("src_complete_journey__promotions") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'promotions' and is_current
    ),

    final as (
        select
            landed_placements.source_key,
            landed_placements.batch_id,
            landed_placements.product_id,
            landed_placements.store_id,
            landed_placements.week,
            landed_placements.display_location,
            landed_placements.mailer_location,
            -- The vendor's code for none is the digit 0 in both columns.
            coalesce(landed_placements.display_location <> '0', false) as is_on_display,
            coalesce(landed_placements.mailer_location <> '0', false) as is_in_mailer,
            current_batches.data_party,
            current_batches.data_origin
        from landed_placements
        inner join
            current_batches
            on landed_placements.source_key = current_batches.source_key
            and landed_placements.batch_id = current_batches.batch_id
    )

select *
from final
