-- One row per campaign type and data origin.
with

    campaigns as (select campaign_key, campaign_type, data_origin from {{ ref("dim_campaign") }}),

    contacts as (
        select touchpoint_key, customer_key, campaign_key
        from {{ ref("fct_touchpoints") }}
        where touchpoint_type = 'mail_in_home' and campaign_key is not null
    ),

    redemptions as (
        select coupon_event_key, customer_key, campaign_key
        from {{ ref("fct_coupon_events") }}
        where event_type = 'redeemed' and campaign_key is not null
    ),

    contacted_customers as (
        select distinct campaign_key, customer_key from contacts where customer_key is not null
    ),

    redeeming_customers as (
        select distinct campaign_key, customer_key from redemptions where customer_key is not null
    ),

    campaign_counts as (
        select campaign_type, data_origin, count(*) as campaign_count
        from campaigns
        group by campaign_type, data_origin
    ),

    contact_counts as (
        select
            campaigns.campaign_type,
            campaigns.data_origin,
            count(*) as contact_count,
            count(distinct contacts.customer_key) as contacted_household_count
        from contacts
        inner join campaigns on contacts.campaign_key = campaigns.campaign_key
        group by campaigns.campaign_type, campaigns.data_origin
    ),

    redemption_counts as (
        select campaigns.campaign_type, campaigns.data_origin, count(*) as redemption_count
        from redemptions
        inner join campaigns on redemptions.campaign_key = campaigns.campaign_key
        group by campaigns.campaign_type, campaigns.data_origin
    ),

    -- A response needs a contact: who redeemed without being contacted counts as a
    -- redemption and never as a responder, so that the rate cannot pass 1.
    responder_counts as (
        select campaigns.campaign_type, campaigns.data_origin, count(*) as responder_count
        from contacted_customers
        inner join
            redeeming_customers
            on contacted_customers.campaign_key = redeeming_customers.campaign_key
            and contacted_customers.customer_key = redeeming_customers.customer_key
        inner join campaigns on contacted_customers.campaign_key = campaigns.campaign_key
        group by campaigns.campaign_type, campaigns.data_origin
    ),

    final as (
        select
            campaign_counts.campaign_type,
            campaign_counts.data_origin,
            cast(campaign_counts.campaign_count as bigint) as campaign_count,
            cast(coalesce(contact_counts.contact_count, 0) as bigint) as contact_count,
            cast(
                coalesce(contact_counts.contacted_household_count, 0) as bigint
            ) as contacted_household_count,
            cast(coalesce(redemption_counts.redemption_count, 0) as bigint) as redemption_count,
            cast(coalesce(responder_counts.responder_count, 0) as bigint) as responder_count,
            cast(coalesce(responder_counts.responder_count, 0) as double)
            / nullif(cast(coalesce(contact_counts.contact_count, 0) as double), 0) as response_rate
        from campaign_counts
        left join
            contact_counts
            on campaign_counts.campaign_type = contact_counts.campaign_type
            and campaign_counts.data_origin = contact_counts.data_origin
        left join
            redemption_counts
            on campaign_counts.campaign_type = redemption_counts.campaign_type
            and campaign_counts.data_origin = redemption_counts.data_origin
        left join
            responder_counts
            on campaign_counts.campaign_type = responder_counts.campaign_type
            and campaign_counts.data_origin = responder_counts.data_origin
    )

select *
from final
