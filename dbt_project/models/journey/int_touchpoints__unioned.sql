-- One row per interaction of the brand and a person, from every contract that has one.
with

    orders as (
        select
            order_key,
            order_source,
            node_key,
            location_key,
            channel_key,
            ordered_at,
            business_date,
            source_key,
            data_origin
        from {{ ref("int_journey__orders") }}
    ),

    sends as (
        select
            send_key,
            campaign_key,
            loyalty_card_token,
            event_at,
            business_date,
            window_ends_on,
            is_time_window,
            source_key,
            data_origin
        from {{ ref("stg_mail__sends") }}
        -- A send of a campaign that nobody has described yet has no time at all.
        where event_at is not null
    ),

    coupon_events as (
        select
            coupon_event_key,
            coupon_key,
            campaign_key,
            loyalty_card_token,
            event_at,
            business_date,
            is_time_window,
            source_key,
            data_origin
        from {{ ref("stg_coupons__events") }}
        where event_type = 'redeemed'
    ),

    pos_purchases as (
        select
            order_key as record_key,
            node_key,
            'pos_purchase' as touchpoint_type,
            channel_key,
            ordered_at as occurred_at,
            business_date,
            false as is_time_window,
            cast(null as date) as window_ends_on,
            cast(null as {{ dbt.type_string() }}) as campaign_key,
            cast(null as {{ dbt.type_string() }}) as coupon_key,
            order_key,
            location_key,
            source_key,
            data_origin
        from orders
        where order_source = 'pos'
    ),

    mail_contacts as (
        select
            send_key as record_key,
            case
                when loyalty_card_token is not null
                then {{ node_key("'loyalty_card'", "loyalty_card_token") }}
            end as node_key,
            'mail_in_home' as touchpoint_type,
            'direct_mail' as channel_key,
            event_at as occurred_at,
            business_date,
            is_time_window,
            window_ends_on,
            campaign_key,
            cast(null as {{ dbt.type_string() }}) as coupon_key,
            cast(null as {{ dbt.type_string() }}) as order_key,
            cast(null as {{ dbt.type_string() }}) as location_key,
            source_key,
            data_origin
        from sends
    ),

    -- A redemption is known to the day: its window is that one day.
    redemptions as (
        select
            coupon_event_key as record_key,
            case
                when loyalty_card_token is not null
                then {{ node_key("'loyalty_card'", "loyalty_card_token") }}
            end as node_key,
            'coupon_redeemed' as touchpoint_type,
            'store' as channel_key,
            event_at as occurred_at,
            business_date,
            is_time_window,
            business_date as window_ends_on,
            campaign_key,
            coupon_key,
            cast(null as {{ dbt.type_string() }}) as order_key,
            cast(null as {{ dbt.type_string() }}) as location_key,
            source_key,
            data_origin
        from coupon_events
    ),

    unioned as (
        select *
        from pos_purchases
        union all
        select *
        from mail_contacts
        union all
        select *
        from redemptions
    ),

    final as (
        select
            {{ surrogate_key(["source_key", "touchpoint_type", "record_key"]) }} as touchpoint_key,
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
        from unioned
    )

select *
from final
