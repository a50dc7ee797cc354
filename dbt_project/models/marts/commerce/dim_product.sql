-- One row per product that is in the catalogue or was sold.
with

    catalogue as (
        select
            product_key,
            product_id,
            manufacturer_id,
            department,
            category,
            product_type,
            package_size,
            brand_type,
            is_volume_measured,
            data_origin
        from {{ ref("stg_catalog__products") }}
    ),

    lines as (
        select product_key, product_id, data_origin from {{ ref("stg_pos__transaction_lines") }}
    ),

    sold as (
        select product_key, product_id, {{ common_origin("data_origin") }} as data_origin
        from lines
        group by product_key, product_id
    ),

    sold_only as (
        select sold.product_key, sold.product_id, sold.data_origin
        from sold
        left join catalogue on sold.product_key = catalogue.product_key
        where catalogue.product_key is null
    ),

    final as (
        select
            product_key,
            product_id,
            manufacturer_id,
            department,
            category,
            product_type,
            package_size,
            brand_type,
            is_volume_measured,
            true as is_in_catalogue,
            data_origin
        from catalogue
        union all
        select
            product_key,
            product_id,
            cast(null as bigint) as manufacturer_id,
            cast(null as {{ dbt.type_string() }}) as department,
            cast(null as {{ dbt.type_string() }}) as category,
            cast(null as {{ dbt.type_string() }}) as product_type,
            cast(null as {{ dbt.type_string() }}) as package_size,
            cast(null as {{ dbt.type_string() }}) as brand_type,
            false as is_volume_measured,
            false as is_in_catalogue,
            data_origin
        from sold_only
    )

select *
from final
