-- One row per landed coupon, product and campaign of every batch, duplicates included.
with

    landed as (
        select source_key, _batch_id, coupon_upc, product_id, campaign_id
        from {{ landed("complete_journey", "coupons") }}
    ),

    final as (
        select source_key, _batch_id as batch_id, coupon_upc, product_id, campaign_id from landed
    )

select *
from final
