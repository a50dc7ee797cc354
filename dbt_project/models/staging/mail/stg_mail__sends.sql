-- One row per household and campaign whose mail was sent to it.
{{ config(meta={"accepted_batches_of": ["campaigns", "campaign_descriptions"]}) }}
with

    landed_contacts as (
        select source_key, batch_id, campaign_id, loyalty_card_token
        from {{ ref("src_complete_journey__campaigns") }}
    ),

    landed_campaigns as (
        select source_key, batch_id, campaign_id, starts_on, ends_on
        from {{ ref("src_complete_journey__campaign_descriptions") }}
    ),

    current_batches as (
        select source_key, batch_id, entity, data_party, time_zone, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity in ('campaigns', 'campaign_descriptions') and is_current
    ),

    sends as (
        select distinct
            landed_contacts.source_key,
            landed_contacts.batch_id,
            landed_contacts.campaign_id,
            landed_contacts.loyalty_card_token,
            current_batches.data_party,
            current_batches.time_zone,
            current_batches.data_origin
        from landed_contacts
        inner join
            current_batches
            on landed_contacts.source_key = current_batches.source_key
            and landed_contacts.batch_id = current_batches.batch_id
    ),

    windows as (
        select distinct
            landed_campaigns.source_key,
            landed_campaigns.campaign_id,
            landed_campaigns.starts_on,
            landed_campaigns.ends_on
        from landed_campaigns
        inner join
            current_batches
            on landed_campaigns.source_key = current_batches.source_key
            and landed_campaigns.batch_id = current_batches.batch_id
    ),

    -- The source knows no day of sending: the window of the campaign is all there is, and
    -- the flag says so. A contact of an unknown campaign stays, without a window.
    with_window as (
        select
            sends.*,
            windows.starts_on,
            windows.ends_on,
            cast(windows.starts_on as {{ dbt.type_timestamp() }}) as starts_at_local
        from sends
        left join
            windows
            on sends.source_key = windows.source_key
            and sends.campaign_id = windows.campaign_id
    ),

    final as (
        select
            source_key,
            cast(campaign_id as {{ dbt.type_string() }})
            || '-'
            || loyalty_card_token as source_record_id,
            {{ surrogate_key(["source_key", "'send'", "campaign_id", "loyalty_card_token"]) }}
            as send_key,
            batch_id,
            {{ surrogate_key(["source_key", "'campaign'", "campaign_id"]) }} as campaign_key,
            loyalty_card_token,
            {{ utc_time("starts_at_local", "time_zone") }} as event_at,
            starts_at_local as event_at_local,
            time_zone,
            starts_on as business_date,
            starts_on as window_starts_on,
            ends_on as window_ends_on,
            true as is_time_window,
            data_party,
            data_origin
        from with_window
    )

select *
from final
