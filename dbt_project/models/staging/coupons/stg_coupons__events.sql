-- One row per thing that happened to a coupon in a person's hands; today: redemptions.
{{ config(meta={"accepted_batches_of": ["coupon_redemptions"]}) }}
with

    landed_redemptions as (
        select source_key, batch_id, loyalty_card_token, coupon_upc, campaign_id, redeemed_on
        from {{ ref("src_complete_journey__coupon_redemptions") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, time_zone, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'coupon_redemptions' and is_current
    ),

    -- The source tells the store's day and no time: the event starts with that day, and the
    -- flag says that it may have happened at any time of it.
    redemptions as (
        select distinct
            landed_redemptions.source_key,
            landed_redemptions.batch_id,
            landed_redemptions.loyalty_card_token,
            landed_redemptions.coupon_upc,
            landed_redemptions.campaign_id,
            landed_redemptions.redeemed_on,
            cast(landed_redemptions.redeemed_on as {{ dbt.type_timestamp() }}) as starts_at_local,
            current_batches.data_party,
            current_batches.time_zone,
            current_batches.data_origin
        from landed_redemptions
        inner join
            current_batches
            on landed_redemptions.source_key = current_batches.source_key
            and landed_redemptions.batch_id = current_batches.batch_id
    ),

    final as (
        select
            source_key,
            cast(coupon_upc as {{ dbt.type_string() }})
            || '-'
            || cast(campaign_id as {{ dbt.type_string() }})
            || '-'
            || cast(redeemed_on as {{ dbt.type_string() }})
            || '-'
            || loyalty_card_token as source_record_id,
            {{
                surrogate_key(
                    [
                        "source_key",
                        "'coupon_event'",
                        "'redeemed'",
                        "coupon_upc",
                        "campaign_id",
                        "redeemed_on",
                        "loyalty_card_token",
                    ]
                )
            }} as coupon_event_key,
            batch_id,
            {{ surrogate_key(["source_key", "'coupon'", "coupon_upc", "campaign_id"]) }}
            as coupon_key,
            {{ surrogate_key(["source_key", "'campaign'", "campaign_id"]) }} as campaign_key,
            loyalty_card_token,
            'redeemed' as event_type,
            {{ utc_time("starts_at_local", "time_zone") }} as event_at,
            starts_at_local as event_at_local,
            time_zone,
            redeemed_on as business_date,
            true as is_time_window,
            data_party,
            data_origin
        from redemptions
    )

select *
from final
