-- Touchpoints and the dictionaries of the journey.

create schema journey;

create table journey.fct_touchpoints as
with
    pos as (
        select
            md5('complete_journey|pos_purchase|' || order_key) as touchpoint_key,
            customer_key,
            'pos_purchase' as touchpoint_type,
            'store' as channel_key,
            ordered_at as occurred_at,
            business_date,
            false as is_time_window,
            cast(null as date) as window_ends_on,
            cast(null as varchar) as campaign_key,
            cast(null as varchar) as coupon_key,
            order_key,
            location_key
        from commerce.fct_orders
    ),
    mail as (
        select
            md5(
                'complete_journey|mail_in_home|' || md5(
                    'complete_journey|send|' || sends.campaign_id || '|' || customers.token
                )
            ) as touchpoint_key,
            customers.customer_key,
            'mail_in_home' as touchpoint_type,
            'direct_mail' as channel_key,
            timezone(
                'UTC', timezone('America/New_York', cast(campaigns.starts_on as timestamp))
            ) as occurred_at,
            campaigns.starts_on as business_date,
            true as is_time_window,
            campaigns.ends_on as window_ends_on,
            campaign_keys.campaign_key,
            cast(null as varchar) as coupon_key,
            cast(null as varchar) as order_key,
            cast(null as varchar) as location_key
        from sends
        inner join campaigns on sends.campaign_id = campaigns.campaign_id
        inner join campaign_keys on sends.campaign_id = campaign_keys.campaign_id
        inner join customers on sends.household_id = customers.household_id
        where campaigns.starts_on is not null
    ),
    coupon as (
        select
            md5('complete_journey|coupon_redeemed|' || redeemed.coupon_event_key) as touchpoint_key,
            redeemed.customer_key,
            'coupon_redeemed' as touchpoint_type,
            'store' as channel_key,
            timezone(
                'UTC', timezone('America/New_York', cast(redeemed.redeemed_on as timestamp))
            ) as occurred_at,
            redeemed.redeemed_on as business_date,
            true as is_time_window,
            redeemed.redeemed_on as window_ends_on,
            campaign_keys.campaign_key,
            coupon_keys.coupon_key,
            cast(null as varchar) as order_key,
            cast(null as varchar) as location_key
        from redeemed
        inner join campaign_keys on redeemed.campaign_id = campaign_keys.campaign_id
        inner join
            coupon_keys
            on redeemed.coupon_upc = coupon_keys.coupon_upc
            and redeemed.campaign_id = coupon_keys.campaign_id
    )
select *, 'complete_journey' as source_key, 'panel' as data_origin
from (from pos union all from mail union all from coupon);

create table journey.dim_channel as
select
    channel_key,
    channel_name,
    channel_group,
    medium,
    cast(is_paid as boolean) as is_paid,
    cast(is_digital as boolean) as is_digital
from read_csv(getvariable('seeds') || '/channels.csv', all_varchar = true);

create table journey.dim_touchpoint_type as
select
    touchpoint_type,
    touchpoint_name,
    channel_default,
    direction,
    cast(is_addressable as boolean) as is_addressable,
    cast(can_influence as boolean) as can_influence,
    cast(is_aggregate_only as boolean) as is_aggregate_only,
    journey_phase_default
from read_csv(getvariable('seeds') || '/touchpoint_types.csv', all_varchar = true);

-- `configured` is the source's own configuration, read by the program around these files.
create table journey.dim_source as
select
    source_key,
    vendor,
    entity,
    channel_key,
    description,
    owner,
    collection_method,
    data_party,
    personal_data_level,
    lawful_basis,
    retention_days,
    version_rule,
    on_bad_batch,
    cadence,
    max_age_hours,
    is_partitioned,
    is_required,
    time_zone,
    data_origin
from configured;
