-- One row per product on an order. Who bought it stands on the order: see fct_orders.
with

    lines as (
        select
            transaction_line_key,
            transaction_key,
            line_no,
            product_key,
            location_key,
            business_date,
            quantity,
            currency,
            gross_amount,
            loyalty_discount_amount,
            coupon_match_amount,
            retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            paid_amount,
            data_origin
        from {{ ref("stg_pos__transaction_lines") }}
    ),

    products as (select product_key, is_volume_measured from {{ ref("stg_catalog__products") }}),

    measured as (
        select
            lines.*,
            -- A product the catalogue does not know is taken to be sold by the piece.
            coalesce(products.is_volume_measured, false) as is_volume_measured
        from lines
        left join products on lines.product_key = products.product_key
    ),

    final as (
        select
            transaction_line_key as order_line_key,
            transaction_key as order_key,
            line_no,
            product_key,
            location_key,
            business_date,
            quantity,
            is_volume_measured,
            case when is_volume_measured then 0 else quantity end as unit_count,
            currency,
            gross_amount,
            loyalty_discount_amount,
            coupon_match_amount,
            retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            paid_amount,
            -- Prices are read, never added up: the amounts are the truth.
            cast(
                round(gross_amount / nullif(quantity, 0), 4) as decimal(18, 4)
            ) as shelf_unit_price,
            cast(
                round(net_amount / nullif(quantity, 0), 4) as decimal(18, 4)
            ) as loyalty_unit_price,
            cast(round(paid_amount / nullif(quantity, 0), 4) as decimal(18, 4)) as paid_unit_price,
            data_origin
        from measured
    )

select *
from final
