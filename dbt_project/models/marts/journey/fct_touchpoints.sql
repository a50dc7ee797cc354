-- One row per interaction of the brand and a person. A view: it looks the customer up by
-- the identifier's node, so that merging two customers rewrites no event.
{{ config(materialized="view") }}
with

    touchpoints as (
        select
            touchpoint_key,
            node_key,
            touchpoint_type,
            channel_key,
            occurred_at,
            business_date,
            is_time_window,
            window_ends_on,
            campaign_key,
            coupon_key,
            order_key,
            location_key,
            source_key,
            data_origin
        from {{ ref("int_touchpoints__unioned") }}
    ),

    customer_keys as (select node_key, customer_key from {{ ref("int_identity__customer_keys") }}),

    final as (
        select
            touchpoints.touchpoint_key,
            customer_keys.customer_key,
            touchpoints.touchpoint_type,
            touchpoints.channel_key,
            touchpoints.occurred_at,
            touchpoints.business_date,
            touchpoints.is_time_window,
            touchpoints.window_ends_on,
            touchpoints.campaign_key,
            touchpoints.coupon_key,
            touchpoints.order_key,
            touchpoints.location_key,
            touchpoints.source_key,
            touchpoints.data_origin
        from touchpoints
        left join customer_keys on touchpoints.node_key = customer_keys.node_key
    )

select *
from final
