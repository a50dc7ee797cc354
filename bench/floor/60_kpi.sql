-- KPIs: components and never ratios, one statement a table.

create schema kpi;

create table kpi.dim_kpi as
select
    kpi_key,
    name,
    description,
    unit,
    aggregation,
    formula,
    numerator,
    denominator,
    channel,
    fact,
    owner,
    source_of_formula
from read_csv(getvariable('seeds') || '/kpis.csv', all_varchar = true);

create table kpi.kpi_daily as
with
    daily as (
        select
            business_date as date,
            count(*) as orders,
            sum(unit_count) as units,
            count(distinct customer_key) as customers,
            count(customer_key) as identified_orders,
            count_if(is_first_order) as first_orders,
            sum(gross_amount) as gross,
            sum(retailer_discount_amount) as discounts,
            sum(net_amount) as net,
            sum(manufacturer_coupon_amount) as coupons,
            sum(paid_amount) as paid,
            coalesce(sum(net_amount) filter (where customer_key is not null), 0) as identified_net
        from commerce.fct_orders
        group by business_date
    ),
    redeemed_daily as (
        select
            business_date as date,
            count(*) as redemptions,
            count_if(is_matched_to_line) as matched
        from commerce.fct_coupon_events
        group by business_date
    ),
    listed as (
        select
            date,
            unnest(
                [
                    {'kpi_key': 'gross_sales', 'currency': 'USD', 'numerator': cast(gross as decimal(18, 4)), 'denominator': cast(null as decimal(18, 4))},
                    {'kpi_key': 'retailer_discounts', 'currency': 'USD', 'numerator': discounts, 'denominator': null},
                    {'kpi_key': 'net_sales', 'currency': 'USD', 'numerator': net, 'denominator': null},
                    {'kpi_key': 'manufacturer_coupons', 'currency': 'USD', 'numerator': coupons, 'denominator': null},
                    {'kpi_key': 'paid_amount', 'currency': 'USD', 'numerator': paid, 'denominator': null},
                    {'kpi_key': 'average_order_value', 'currency': 'USD', 'numerator': net, 'denominator': orders},
                    {'kpi_key': 'discount_share', 'currency': 'USD', 'numerator': discounts, 'denominator': gross},
                    {'kpi_key': 'identified_sales_share', 'currency': 'USD', 'numerator': identified_net, 'denominator': net},
                    {'kpi_key': 'orders', 'currency': 'XXX', 'numerator': orders, 'denominator': null},
                    {'kpi_key': 'units', 'currency': 'XXX', 'numerator': units, 'denominator': null},
                    {'kpi_key': 'active_customers', 'currency': 'XXX', 'numerator': customers, 'denominator': null},
                    {'kpi_key': 'units_per_order', 'currency': 'XXX', 'numerator': units, 'denominator': orders},
                    {'kpi_key': 'new_customer_order_share', 'currency': 'XXX', 'numerator': first_orders, 'denominator': identified_orders}
                ]
            ) as figure
        from daily
        union all
        select
            date,
            unnest(
                [
                    {'kpi_key': 'coupon_redemptions', 'currency': 'XXX', 'numerator': cast(redemptions as decimal(18, 4)), 'denominator': cast(null as decimal(18, 4))},
                    {'kpi_key': 'coupon_matched_share', 'currency': 'XXX', 'numerator': matched, 'denominator': redemptions}
                ]
            ) as figure
        from redeemed_daily
    )
select
    figure.kpi_key,
    date,
    'store' as channel_key,
    figure.currency,
    'panel' as data_origin,
    cast(figure.numerator as decimal(18, 4)) as numerator,
    cast(figure.denominator as decimal(18, 4)) as denominator
from listed;

-- Who redeemed without being contacted counts as a redemption and never as a responder.
create table kpi.kpi_campaign as
with
    contacted as (
        select campaign_key, customer_key
        from journey.fct_touchpoints
        where touchpoint_type = 'mail_in_home'
    ),
    responders as (
        select campaign_key, customer_key
        from contacted
        intersect
        select campaign_key, customer_key
        from commerce.fct_coupon_events
    ),
    counted as (
        select
            campaign_type,
            count(*) as campaign_count,
            coalesce(
                sum((select count(*) from responders where campaign_key = dim_campaign.campaign_key)),
                0
            ) as responder_count,
            coalesce(
                sum(
                    (
                        select count(*)
                        from commerce.fct_coupon_events
                        where campaign_key = dim_campaign.campaign_key
                    )
                ),
                0
            ) as redemption_count
        from commerce.dim_campaign
        group by campaign_type
    ),
    contacts_by_type as (
        select
            dim_campaign.campaign_type,
            count(*) as contact_count,
            count(distinct contacted.customer_key) as household_count
        from contacted
        inner join commerce.dim_campaign on contacted.campaign_key = dim_campaign.campaign_key
        group by dim_campaign.campaign_type
    )
select
    counted.campaign_type,
    'panel' as data_origin,
    counted.campaign_count,
    coalesce(contacts_by_type.contact_count, 0) as contact_count,
    coalesce(contacts_by_type.household_count, 0) as contacted_household_count,
    cast(counted.redemption_count as bigint) as redemption_count,
    cast(counted.responder_count as bigint) as responder_count,
    cast(counted.responder_count as double)
    / nullif(cast(coalesce(contacts_by_type.contact_count, 0) as double), 0) as response_rate
from counted
left join contacts_by_type on counted.campaign_type = contacts_by_type.campaign_type;
