-- One row per coupon of a campaign: the same printed code may serve several campaigns.
with

    coupons as (
        select coupon_key, coupon_upc, campaign_key, eligible_product_count, data_origin
        from {{ ref("stg_coupons__definitions") }}
    ),

    final as (
        select coupon_key, coupon_upc, campaign_key, eligible_product_count, data_origin
        from coupons
    )

select *
from final
