-- One row per order placed in any channel. A view: it looks the customer up by the
-- identifier's node, so that merging two customers rewrites no order.
{{ config(materialized="view") }}
with

    orders as (
        select
            order_key,
            node_key,
            location_key,
            channel_key,
            ordered_at,
            business_date,
            time_zone,
            currency,
            gross_amount,
            retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            paid_amount,
            line_count,
            unit_count,
            data_origin
        from {{ ref("int_journey__orders") }}
    ),

    customer_keys as (select node_key, customer_key from {{ ref("int_identity__customer_keys") }}),

    with_customer as (
        select orders.*, customer_keys.customer_key
        from orders
        left join customer_keys on orders.node_key = customer_keys.node_key
    ),

    sequenced as (
        select
            with_customer.*,
            -- An order without a customer has no place in anybody's sequence.
            case
                when customer_key is not null
                then
                    row_number() over (
                        partition by customer_key
                        order by ordered_at nulls last, order_key nulls last
                    )
            end as order_seq
        from with_customer
    ),

    final as (
        select
            order_key,
            customer_key,
            location_key,
            channel_key,
            ordered_at,
            business_date,
            time_zone,
            currency,
            gross_amount,
            retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            paid_amount,
            line_count,
            unit_count,
            order_seq = 1 as is_first_order,
            order_seq,
            data_origin
        from sequenced
    )

select *
from final
