-- One row per thing that happened to a coupon in a person's hands; today: redemptions.
with

    events as (
        select
            coupon_event_key,
            coupon_key,
            campaign_key,
            loyalty_card_token,
            event_type,
            business_date,
            source_key,
            data_origin
        from {{ ref("stg_coupons__events") }}
    ),

    customer_keys as (select node_key, customer_key from {{ ref("int_identity__customer_keys") }}),

    orders as (select order_key, node_key, business_date from {{ ref("int_journey__orders") }}),

    coupon_lines as (
        select transaction_key, product_key
        from {{ ref("stg_pos__transaction_lines") }}
        where manufacturer_coupon_amount > 0
    ),

    eligible_products as (
        select coupon_key, product_key from {{ ref("stg_coupons__eligible_products") }}
    ),

    customer_events as (
        select events.*, customer_keys.customer_key
        from events
        left join
            customer_keys
            on {{ node_key("'loyalty_card'", "events.loyalty_card_token") }}
            = customer_keys.node_key
    ),

    customer_orders as (
        select orders.order_key, orders.business_date, customer_keys.customer_key
        from orders
        inner join customer_keys on orders.node_key = customer_keys.node_key
    ),

    same_day_orders as (
        select customer_events.coupon_event_key, customer_orders.order_key
        from customer_events
        inner join
            customer_orders
            on customer_events.customer_key = customer_orders.customer_key
            and customer_events.business_date = customer_orders.business_date
    ),

    same_day_counts as (
        select coupon_event_key, count(*) as same_day_order_count
        from same_day_orders
        group by coupon_event_key
    ),

    matched_events as (
        select distinct customer_events.coupon_event_key
        from customer_events
        inner join
            same_day_orders on customer_events.coupon_event_key = same_day_orders.coupon_event_key
        inner join coupon_lines on same_day_orders.order_key = coupon_lines.transaction_key
        inner join
            eligible_products
            on customer_events.coupon_key = eligible_products.coupon_key
            and coupon_lines.product_key = eligible_products.product_key
    ),

    final as (
        select
            customer_events.coupon_event_key,
            customer_events.customer_key,
            customer_events.coupon_key,
            customer_events.campaign_key,
            customer_events.event_type,
            customer_events.business_date,
            coalesce(same_day_counts.same_day_order_count, 0) as same_day_order_count,
            matched_events.coupon_event_key is not null as is_matched_to_line,
            customer_events.source_key,
            customer_events.data_origin
        from customer_events
        left join
            same_day_counts on customer_events.coupon_event_key = same_day_counts.coupon_event_key
        left join
            matched_events on customer_events.coupon_event_key = matched_events.coupon_event_key
    )

select *
from final
