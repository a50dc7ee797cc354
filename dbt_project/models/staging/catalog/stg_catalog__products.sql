-- One row per product of the catalogue.
{{ config(meta={"accepted_batches_of": ["products"]}) }}
with

    landed_products as (
        select
            source_key,
            batch_id,
            product_id,
            manufacturer_id,
            department,
            brand_type,
            category,
            product_type,
            package_size
        from {{ ref("src_complete_journey__products") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'products' and is_current
    ),

    products as (
        select distinct
            landed_products.source_key,
            landed_products.batch_id,
            landed_products.product_id,
            landed_products.manufacturer_id,
            landed_products.department,
            landed_products.brand_type,
            landed_products.category,
            landed_products.product_type,
            landed_products.package_size,
            current_batches.data_party,
            current_batches.data_origin
        from landed_products
        inner join
            current_batches
            on landed_products.source_key = current_batches.source_key
            and landed_products.batch_id = current_batches.batch_id
    ),

    final as (
        select
            source_key,
            cast(product_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'product'", "product_id"]) }} as product_key,
            batch_id,
            product_id,
            manufacturer_id,
            department,
            category,
            product_type,
            package_size,
            brand_type,
            -- Petrol is the only product whose quantity is a volume: 151,020,580 of the
            -- panel's 152,923,108 units stand on its 28 sold products, spread over the
            -- departments FUEL and MISCELLANEOUS, whose gift cards and key rings are
            -- pieces (2026-11). So the product type decides, not the department.
            coalesce(product_type like 'GASOLINE%', false) as is_volume_measured,
            data_party,
            data_origin
        from products
    )

select *
from final
