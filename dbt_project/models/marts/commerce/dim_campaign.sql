-- One row per campaign.
with

    campaigns as (
        select campaign_key, campaign_id, campaign_type, starts_on, ends_on, data_origin
        from {{ ref("stg_mail__campaigns") }}
    ),

    final as (
        select
            campaign_key,
            campaign_id,
            'Campaign '
            || cast(campaign_id as {{ dbt.type_string() }})
            || ' (type '
            || campaign_type
            || ')' as campaign_name,
            campaign_type,
            starts_on,
            ends_on,
            {{ days_between("starts_on", "ends_on") }} + 1 as window_days,
            data_origin
        from campaigns
    )

select *
from final
