-- One row per product that is in the catalogue, was sold or may be bought with a coupon.
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

    eligible_products as (
        select coupon_key, product_key, product_id, data_origin
        from {{ ref("stg_coupons__eligible_products") }}
    ),

    named as (
        select product_key, product_id, data_origin
        from lines
        group by product_key, product_id, data_origin
        union
        select product_key, product_id, data_origin
        from eligible_products
    ),

    unlisted as (
        select
            named.product_key,
            named.product_id,
            {{ common_origin("named.data_origin") }} as data_origin
        from named
        left join catalogue on named.product_key = catalogue.product_key
        where catalogue.product_key is null
        group by named.product_key, named.product_id
    ),

    products as (
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
        from unlisted
    ),

    coupon_counts as (
        select product_key, count(*) as coupon_count from eligible_products group by product_key
    ),

    final as (
        select
            products.product_key,
            products.product_id,
            products.manufacturer_id,
            products.department,
            products.category,
            products.product_type,
            products.package_size,
            products.brand_type,
            products.is_volume_measured,
            products.is_in_catalogue,
            coalesce(coupon_counts.coupon_count, 0) as coupon_count,
            products.data_origin
        from products
        left join coupon_counts on products.product_key = coupon_counts.product_key
    )

select *
from final
