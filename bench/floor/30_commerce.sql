-- Facts and dimensions of commerce.

create schema commerce;

create table commerce.dim_campaign as
select
    campaign_keys.campaign_key,
    campaigns.campaign_id,
    'Campaign ' || campaigns.campaign_id || ' (type ' || campaign_type || ')' as campaign_name,
    campaigns.campaign_type,
    campaigns.starts_on,
    campaigns.ends_on,
    campaigns.ends_on - campaigns.starts_on + 1 as window_days,
    'panel' as data_origin
from campaigns
inner join campaign_keys on campaigns.campaign_id = campaign_keys.campaign_id;

create table commerce.dim_coupon as
select
    coupon_keys.coupon_key,
    definitions.coupon_upc,
    campaign_keys.campaign_key,
    definitions.eligible_product_count,
    'panel' as data_origin
from
    (
        select coupon_upc, campaign_id, count(*) as eligible_product_count
        from coupons
        group by coupon_upc, campaign_id
    ) as definitions
inner join
    coupon_keys
    on definitions.coupon_upc = coupon_keys.coupon_upc
    and definitions.campaign_id = coupon_keys.campaign_id
inner join campaign_keys on definitions.campaign_id = campaign_keys.campaign_id;

create table commerce.dim_date as
with
    known as (
        select min(business_date) as first_date, max(business_date) as last_date from baskets
        union all
        select min(starts_on), max(ends_on) from campaigns
        union all
        select min(redeemed_on), max(redeemed_on) from redemptions
    ),
    days as (
        select
            cast(
                unnest(
                    generate_series(
                        date_trunc('year', min(first_date)),
                        date_trunc('year', max(last_date)) + interval 1 year - interval 1 day,
                        interval 1 day
                    )
                ) as date
            ) as date
        from known
    )
select
    date,
    cast(year(date) as int) as year,
    cast(quarter(date) as int) as quarter_of_year,
    cast(month(date) as int) as month_of_year,
    cast(date_trunc('month', date) as date) as month_start_date,
    monthname(date) as month_name,
    cast(day(date) as int) as day_of_month,
    cast(isoyear(date) as int) as iso_year,
    cast(week(date) as int) as iso_week,
    cast(date_trunc('week', date) as date) as week_start_date,
    cast(isodow(date) as int) as iso_weekday,
    dayname(date) as weekday_name,
    isodow(date) >= 6 as is_weekend
from days;

create table commerce.dim_location as
select
    location_keys.location_key,
    location_keys.store_id,
    'Store ' || location_keys.store_id as location_name,
    'store' as location_type,
    'America/New_York' as time_zone,
    placed.store_id is not null as has_placements,
    'panel' as data_origin
from location_keys
left join
    (
        select distinct store_id
        from read_parquet(getvariable('panel') || '/promotions.parquet')
    ) as placed
    on location_keys.store_id = placed.store_id;

create table commerce.dim_product as
select
    product_keys.product_key,
    product_keys.product_id,
    catalogue.manufacturer_id,
    catalogue.department,
    catalogue.category,
    catalogue.product_type,
    catalogue.package_size,
    catalogue.brand_type,
    coalesce(catalogue.is_volume_measured, false) as is_volume_measured,
    catalogue.product_id is not null as is_in_catalogue,
    coalesce(counted.coupon_count, 0) as coupon_count,
    'panel' as data_origin
from product_keys
left join catalogue on product_keys.product_id = catalogue.product_id
left join
    (select product_id, count(*) as coupon_count from coupons group by product_id) as counted
    on product_keys.product_id = counted.product_id;

create table commerce.fct_order_lines as
with
    measured as (
        select
            lines.*,
            coalesce(catalogue.is_volume_measured, false) as is_volume_measured,
            cast(
                net_amount + loyalty_discount_amount + coupon_match_amount as decimal(18, 2)
            ) as gross_amount,
            cast(net_amount - manufacturer_coupon_amount as decimal(18, 2)) as paid_amount,
            nullif(quantity, 0) as pieces
        from lines
        left join catalogue on lines.product_id = catalogue.product_id
    )
select
    md5(
        'complete_journey|transaction_line|' || measured.basket_id || '|' || measured.product_id
    ) as order_line_key,
    baskets.order_key,
    row_number() over (
        partition by measured.basket_id order by measured.product_id
    ) as line_no,
    product_keys.product_key,
    location_keys.location_key,
    measured.business_date,
    measured.quantity,
    measured.is_volume_measured,
    case when measured.is_volume_measured then 0 else measured.quantity end as unit_count,
    'USD' as currency,
    measured.gross_amount,
    measured.loyalty_discount_amount,
    measured.coupon_match_amount,
    cast(
        measured.loyalty_discount_amount + measured.coupon_match_amount as decimal(18, 2)
    ) as retailer_discount_amount,
    measured.net_amount,
    measured.manufacturer_coupon_amount,
    measured.paid_amount,
    cast(round(measured.gross_amount / pieces, 4) as decimal(18, 4)) as shelf_unit_price,
    cast(round(measured.net_amount / pieces, 4) as decimal(18, 4)) as loyalty_unit_price,
    cast(round(measured.paid_amount / pieces, 4) as decimal(18, 4)) as paid_unit_price,
    'panel' as data_origin
from measured
inner join baskets on measured.basket_id = baskets.basket_id
inner join product_keys on measured.product_id = product_keys.product_id
inner join location_keys on measured.store_id = location_keys.store_id;

create table commerce.fct_orders as
with
    sequenced as (
        select
            baskets.*,
            customers.customer_key,
            row_number() over (
                partition by baskets.household_id order by completed_at, order_key
            ) as order_seq
        from baskets
        inner join customers on baskets.household_id = customers.household_id
    )
select
    sequenced.order_key,
    sequenced.customer_key,
    location_keys.location_key,
    'store' as channel_key,
    sequenced.completed_at as ordered_at,
    sequenced.business_date,
    'America/New_York' as time_zone,
    'USD' as currency,
    cast(
        net_amount + loyalty_discount_amount + coupon_match_amount as decimal(18, 2)
    ) as gross_amount,
    cast(loyalty_discount_amount + coupon_match_amount as decimal(18, 2)) as retailer_discount_amount,
    cast(net_amount as decimal(18, 2)) as net_amount,
    cast(manufacturer_coupon_amount as decimal(18, 2)) as manufacturer_coupon_amount,
    cast(net_amount - manufacturer_coupon_amount as decimal(18, 2)) as paid_amount,
    sequenced.line_count,
    cast(sequenced.unit_count as bigint) as unit_count,
    sequenced.order_seq = 1 as is_first_order,
    sequenced.order_seq,
    'panel' as data_origin
from sequenced
inner join location_keys on sequenced.store_id = location_keys.store_id;

-- A redemption is matched when the customer bought an eligible product with a manufacturer
-- coupon on that day.
create table commerce.fct_coupon_events as
with
    same_day as (
        select redeemed.coupon_event_key, count(*) as order_count
        from redeemed
        inner join
            baskets
            on redeemed.household_id = baskets.household_id
            and redeemed.redeemed_on = baskets.business_date
        group by redeemed.coupon_event_key
    ),
    matched as (
        select distinct redeemed.coupon_event_key
        from redeemed
        inner join
            lines
            on redeemed.household_id = lines.household_id
            and redeemed.redeemed_on = lines.business_date
        inner join
            coupons
            on redeemed.coupon_upc = coupons.coupon_upc
            and redeemed.campaign_id = coupons.campaign_id
            and lines.product_id = coupons.product_id
        where lines.manufacturer_coupon_amount > 0
    )
select
    redeemed.coupon_event_key,
    redeemed.customer_key,
    coupon_keys.coupon_key,
    campaign_keys.campaign_key,
    'redeemed' as event_type,
    redeemed.redeemed_on as business_date,
    coalesce(same_day.order_count, 0) as same_day_order_count,
    matched.coupon_event_key is not null as is_matched_to_line,
    'complete_journey' as source_key,
    'panel' as data_origin
from redeemed
inner join
    coupon_keys
    on redeemed.coupon_upc = coupon_keys.coupon_upc
    and redeemed.campaign_id = coupon_keys.campaign_id
inner join campaign_keys on redeemed.campaign_id = campaign_keys.campaign_id
left join same_day on redeemed.coupon_event_key = same_day.coupon_event_key
left join matched on redeemed.coupon_event_key = matched.coupon_event_key;

create table commerce.fct_promotion_exposure_weekly as
with
    store_weeks as (
        select
            product_id,
            week,
            store_id,
            count(*) as placements,
            bool_or(display_location <> '0') as is_displayed,
            bool_or(mailer_location <> '0') as is_mailed
        from read_parquet(getvariable('panel') || '/promotions.parquet')
        group by product_id, week, store_id
    ),
    product_weeks as (
        select
            product_id,
            week,
            cast(sum(placements) as bigint) as placement_count,
            count(*) as store_count,
            count_if(is_displayed) as display_store_count,
            count_if(is_mailed) as mailer_store_count
        from store_weeks
        group by product_id, week
    )
select
    product_keys.product_key,
    product_weeks.week,
    product_weeks.placement_count,
    product_weeks.store_count,
    cast(product_weeks.display_store_count as bigint) as display_store_count,
    cast(product_weeks.mailer_store_count as bigint) as mailer_store_count,
    'panel' as data_origin
from product_weeks
left join catalogue on product_weeks.product_id = catalogue.product_id
left join product_keys on catalogue.product_id = product_keys.product_id;
