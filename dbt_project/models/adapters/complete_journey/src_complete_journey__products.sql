-- One row per landed product of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            product_id,
            manufacturer_id,
            department,
            brand,
            product_category,
            product_type,
            package_size
        from {{ landed("complete_journey", "products") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            product_id,
            manufacturer_id,
            department,
            brand as brand_type,
            product_category as category,
            product_type,
            package_size
        from landed
    )

select *
from final
