-- One row per coupon of a campaign: the printed code alone is not a key.
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

    definitions as (
        select
            source_key,
            coupon_upc,
            campaign_id,
            min(batch_id) as batch_id,
            min(data_party) as data_party,
            {{ common_origin("data_origin") }} as data_origin,
            count(*) as eligible_product_count
        from coupons
        group by source_key, coupon_upc, campaign_id
    ),

    final as (
        select
            source_key,
            cast(coupon_upc as {{ dbt.type_string() }})
            || '-'
            || cast(campaign_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'coupon'", "coupon_upc", "campaign_id"]) }}
            as coupon_key,
            batch_id,
            coupon_upc,
            {{ surrogate_key(["source_key", "'campaign'", "campaign_id"]) }} as campaign_key,
            eligible_product_count,
            data_party,
            data_origin
        from definitions
    )

select *
from final
