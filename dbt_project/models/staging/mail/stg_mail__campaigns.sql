-- One row per direct mail campaign.
{{ config(meta={"accepted_batches_of": ["campaign_descriptions"]}) }}
with

    landed_campaigns as (
        select source_key, batch_id, campaign_id, campaign_type_label, starts_on, ends_on
        from {{ ref("src_complete_journey__campaign_descriptions") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'campaign_descriptions' and is_current
    ),

    campaigns as (
        select distinct
            landed_campaigns.source_key,
            landed_campaigns.batch_id,
            landed_campaigns.campaign_id,
            landed_campaigns.campaign_type_label,
            landed_campaigns.starts_on,
            landed_campaigns.ends_on,
            current_batches.data_party,
            current_batches.data_origin
        from landed_campaigns
        inner join
            current_batches
            on landed_campaigns.source_key = current_batches.source_key
            and landed_campaigns.batch_id = current_batches.batch_id
    ),

    final as (
        select
            source_key,
            cast(campaign_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'campaign'", "campaign_id"]) }} as campaign_key,
            batch_id,
            campaign_id,
            replace(campaign_type_label, 'Type ', '') as campaign_type,
            starts_on,
            ends_on,
            data_party,
            data_origin
        from campaigns
    )

select *
from final
