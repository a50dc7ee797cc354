-- One row per landed placement of a product in a store and week, of every batch.
with

    landed as (
        select source_key, _batch_id, product_id, store_id, display_location, mailer_location, week
        from {{ landed("complete_journey", "promotions") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            product_id,
            store_id,
            display_location,
            mailer_location,
            week
        from landed
    )

select *
from final
