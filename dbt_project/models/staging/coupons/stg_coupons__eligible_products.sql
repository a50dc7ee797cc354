-- One row per coupon of a campaign and product it may be redeemed for.
{{ config(meta={"accepted_batches_of": ["coupons"]}) }}
with

    landed_coupons as (
        select source_key, batch_id, coupon_upc, product_id, campaign_id
        from {{ ref("src_complete_journey__coupons") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'coupons' and is_current
    ),

    -- The panel's list repeats 4,872 rows exactly (2026-11); `distinct` drops those alone.
    coupons as (
        select distinct
            landed_coupons.source_key,
            landed_coupons.batch_id,
            landed_coupons.coupon_upc,
            landed_coupons.campaign_id,
            landed_coupons.product_id,
            current_batches.data_party,
            current_batches.data_origin
        from landed_coupons
        inner join
            current_batches
            on landed_coupons.source_key = current_batches.source_key
            and landed_coupons.batch_id = current_batches.batch_id
    ),

    final as (
        select
            source_key,
            cast(coupon_upc as {{ dbt.type_string() }})
            || '-'
            || cast(campaign_id as {{ dbt.type_string() }})
            || '-'
            || cast(product_id as {{ dbt.type_string() }}) as source_record_id,
            {{
                surrogate_key(
                    [
                        "source_key",
                        "'eligible_product'",
                        "coupon_upc",
                        "campaign_id",
                        "product_id",
                    ]
                )
            }} as eligible_product_key,
            batch_id,
            {{ surrogate_key(["source_key", "'coupon'", "coupon_upc", "campaign_id"]) }}
            as coupon_key,
            {{ surrogate_key(["source_key", "'product'", "product_id"]) }} as product_key,
            product_id,
            data_party,
            data_origin
        from coupons
    )

select *
from final
