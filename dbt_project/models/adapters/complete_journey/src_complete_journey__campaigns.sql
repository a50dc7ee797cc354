-- One row per landed contact of a household by a campaign, of every batch.
with

    landed as (
        select source_key, _batch_id, campaign_id, household_id_token
        from {{ landed("complete_journey", "campaigns") }}
    ),

    final as (
        select
            source_key, _batch_id as batch_id, campaign_id, household_id_token as loyalty_card_token
        from landed
    )

select *
from final
