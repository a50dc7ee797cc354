-- One row per KPI, day, channel, currency and data origin.
-- Amounts stay in their currency; figures that are not money carry 'XXX', the ISO 4217
-- code for no currency, so that adding them up never splits or counts them twice.
with

    placed_orders as (
        select
            order_key,
            customer_key,
            channel_key,
            business_date,
            currency,
            data_origin,
            gross_amount,
            retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            paid_amount,
            unit_count,
            is_first_order
        from {{ ref("fct_orders") }}
    ),

    coupon_events as (
        select coupon_event_key, event_type, business_date, data_origin, is_matched_to_line
        from {{ ref("fct_coupon_events") }}
        where event_type = 'redeemed'
    ),

    touchpoint_types as (
        select touchpoint_type, channel_default as channel_key
        from {{ ref("dim_touchpoint_type") }}
        where touchpoint_type = 'coupon_redeemed'
    ),

    daily_money as (
        select
            business_date,
            channel_key,
            currency,
            data_origin,
            count(*) as order_count,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount,
            sum(paid_amount) as paid_amount,
            sum(
                case when customer_key is not null then net_amount else 0 end
            ) as identified_net_amount
        from placed_orders
        group by business_date, channel_key, currency, data_origin
    ),

    daily_orders as (
        select
            business_date,
            channel_key,
            data_origin,
            count(*) as order_count,
            sum(unit_count) as unit_count,
            count(customer_key) as identified_order_count,
            count(distinct customer_key) as active_customer_count,
            sum(case when is_first_order then 1 else 0 end) as first_order_count
        from placed_orders
        group by business_date, channel_key, data_origin
    ),

    daily_redemptions as (
        select
            coupon_events.business_date,
            touchpoint_types.channel_key,
            coupon_events.data_origin,
            count(*) as redemption_count,
            sum(
                case when coupon_events.is_matched_to_line then 1 else 0 end
            ) as matched_redemption_count
        from coupon_events
        cross join touchpoint_types
        group by
            coupon_events.business_date, touchpoint_types.channel_key, coupon_events.data_origin
    ),

    gross_sales as (
        select
            'gross_sales' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(gross_amount as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_money
    ),

    retailer_discounts as (
        select
            'retailer_discounts' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(retailer_discount_amount as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_money
    ),

    net_sales as (
        select
            'net_sales' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(net_amount as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_money
    ),

    manufacturer_coupons as (
        select
            'manufacturer_coupons' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(manufacturer_coupon_amount as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_money
    ),

    paid_amount as (
        select
            'paid_amount' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(paid_amount as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_money
    ),

    average_order_value as (
        select
            'average_order_value' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(net_amount as decimal(18, 4)) as numerator,
            cast(order_count as decimal(18, 4)) as denominator
        from daily_money
    ),

    discount_share as (
        select
            'discount_share' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(retailer_discount_amount as decimal(18, 4)) as numerator,
            cast(gross_amount as decimal(18, 4)) as denominator
        from daily_money
    ),

    identified_sales_share as (
        select
            'identified_sales_share' as kpi_key,
            business_date,
            channel_key,
            currency,
            data_origin,
            cast(identified_net_amount as decimal(18, 4)) as numerator,
            cast(net_amount as decimal(18, 4)) as denominator
        from daily_money
    ),

    orders as (
        select
            'orders' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(order_count as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_orders
    ),

    units as (
        select
            'units' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(unit_count as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_orders
    ),

    active_customers as (
        select
            'active_customers' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(active_customer_count as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_orders
    ),

    units_per_order as (
        select
            'units_per_order' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(unit_count as decimal(18, 4)) as numerator,
            cast(order_count as decimal(18, 4)) as denominator
        from daily_orders
    ),

    new_customer_order_share as (
        select
            'new_customer_order_share' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(first_order_count as decimal(18, 4)) as numerator,
            cast(identified_order_count as decimal(18, 4)) as denominator
        from daily_orders
    ),

    coupon_redemptions as (
        select
            'coupon_redemptions' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(redemption_count as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from daily_redemptions
    ),

    coupon_matched_share as (
        select
            'coupon_matched_share' as kpi_key,
            business_date,
            channel_key,
            'XXX' as currency,
            data_origin,
            cast(matched_redemption_count as decimal(18, 4)) as numerator,
            cast(redemption_count as decimal(18, 4)) as denominator
        from daily_redemptions
    ),

    unioned as (
        select *
        from gross_sales
        union all
        select *
        from retailer_discounts
        union all
        select *
        from net_sales
        union all
        select *
        from manufacturer_coupons
        union all
        select *
        from paid_amount
        union all
        select *
        from average_order_value
        union all
        select *
        from discount_share
        union all
        select *
        from identified_sales_share
        union all
        select *
        from orders
        union all
        select *
        from units
        union all
        select *
        from active_customers
        union all
        select *
        from units_per_order
        union all
        select *
        from new_customer_order_share
        union all
        select *
        from coupon_redemptions
        union all
        select *
        from coupon_matched_share
    ),

    final as (
        select
            kpi_key,
            business_date as date,
            channel_key,
            currency,
            data_origin,
            numerator,
            denominator
        from unioned
    )

select *
from final
