-- One row per till receipt.
{{ config(meta={"accepted_batches_of": ["transactions"]}) }}
with

    landed_lines as (
        select
            source_key,
            batch_id,
            loyalty_card_token,
            store_id,
            basket_id,
            product_id,
            quantity,
            net_amount,
            loyalty_discount_amount,
            manufacturer_coupon_amount,
            coupon_match_amount,
            week,
            completed_at
        from {{ ref("src_complete_journey__transactions") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, time_zone, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'transactions' and is_current
    ),

    -- `distinct` drops exact duplicates of a line and nothing else.
    lines as (
        select distinct
            landed_lines.source_key,
            landed_lines.batch_id,
            landed_lines.loyalty_card_token,
            landed_lines.store_id,
            landed_lines.basket_id,
            landed_lines.product_id,
            landed_lines.quantity,
            landed_lines.net_amount,
            landed_lines.loyalty_discount_amount,
            landed_lines.manufacturer_coupon_amount,
            landed_lines.coupon_match_amount,
            landed_lines.week,
            landed_lines.completed_at
        from landed_lines
        inner join
            current_batches
            on landed_lines.source_key = current_batches.source_key
            and landed_lines.batch_id = current_batches.batch_id
    ),

    -- The smallest value stands for all: a test says that a receipt has one card, one store
    -- and one time.
    receipts as (
        select
            source_key,
            basket_id,
            min(batch_id) as batch_id,
            min(loyalty_card_token) as loyalty_card_token,
            min(store_id) as store_id,
            min(completed_at) as completed_at,
            cast(sum(net_amount) as decimal(18, 2)) as net_amount,
            cast(sum(loyalty_discount_amount) as decimal(18, 2)) as loyalty_discount_amount,
            cast(sum(coupon_match_amount) as decimal(18, 2)) as coupon_match_amount,
            cast(sum(manufacturer_coupon_amount) as decimal(18, 2)) as manufacturer_coupon_amount,
            count(*) as line_count
        from lines
        group by source_key, basket_id
    ),

    declared as (
        select
            receipts.*,
            current_batches.data_party,
            current_batches.time_zone,
            current_batches.data_origin
        from receipts
        inner join
            current_batches
            on receipts.source_key = current_batches.source_key
            and receipts.batch_id = current_batches.batch_id
    ),

    final as (
        select
            source_key,
            cast(basket_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'transaction'", "basket_id"]) }} as transaction_key,
            batch_id,
            cast(basket_id as {{ dbt.type_string() }}) as receipt_no,
            {{ surrogate_key(["source_key", "'location'", "store_id"]) }} as location_key,
            store_id,
            loyalty_card_token,
            'sale' as transaction_type,
            completed_at,
            completed_at as event_at,
            {{ local_time("completed_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("completed_at", "time_zone") }} as business_date,
            'USD' as currency,
            cast(
                net_amount + loyalty_discount_amount + coupon_match_amount as decimal(18, 2)
            ) as gross_amount,
            cast(
                loyalty_discount_amount + coupon_match_amount as decimal(18, 2)
            ) as retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            cast(net_amount - manufacturer_coupon_amount as decimal(18, 2)) as paid_amount,
            line_count,
            data_party,
            data_origin
        from declared
    )

select *
from final
