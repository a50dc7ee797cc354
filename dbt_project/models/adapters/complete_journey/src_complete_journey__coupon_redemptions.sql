-- One row per landed redemption of every batch, also of superseded ones.
with

    landed as (
        select source_key, _batch_id, household_id_token, coupon_upc, campaign_id, redemption_date
        from {{ landed("complete_journey", "coupon_redemptions") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            household_id_token as loyalty_card_token,
            coupon_upc,
            campaign_id,
            redemption_date as redeemed_on
        from landed
    )

select *
from final
