-- One row per landed campaign of every batch, also of superseded ones.
with

    landed as (
        select source_key, _batch_id, campaign_id, campaign_type, start_date, end_date
        from {{ landed("complete_journey", "campaign_descriptions") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            campaign_id,
            campaign_type as campaign_type_label,
            start_date as starts_on,
            end_date as ends_on
        from landed
    )

select *
from final
