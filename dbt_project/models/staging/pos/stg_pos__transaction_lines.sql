-- One row per product on a till receipt.
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

    -- `distinct` drops exact duplicates of a line and nothing else: two different lines of
    -- one product on one receipt stay, and the test on the key closes the gate.
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
            landed_lines.completed_at,
            current_batches.data_party,
            current_batches.time_zone,
            current_batches.data_origin
        from landed_lines
        inner join
            current_batches
            on landed_lines.source_key = current_batches.source_key
            and landed_lines.batch_id = current_batches.batch_id
    ),

    numbered as (
        select
            lines.*,
            row_number() over (
                partition by source_key, basket_id
                order by
                    product_id nulls last,
                    quantity nulls last,
                    net_amount nulls last,
                    loyalty_discount_amount nulls last,
                    manufacturer_coupon_amount nulls last,
                    coupon_match_amount nulls last,
                    week nulls last,
                    completed_at nulls last,
                    store_id nulls last,
                    loyalty_card_token nulls last,
                    batch_id nulls last
            ) as line_no
        from lines
    ),

    final as (
        select
            source_key,
            cast(basket_id as {{ dbt.type_string() }})
            || '-'
            || cast(product_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'transaction_line'", "basket_id", "product_id"]) }}
            as transaction_line_key,
            batch_id,
            {{ surrogate_key(["source_key", "'transaction'", "basket_id"]) }} as transaction_key,
            line_no,
            {{ surrogate_key(["source_key", "'product'", "product_id"]) }} as product_key,
            product_id,
            {{ surrogate_key(["source_key", "'location'", "store_id"]) }} as location_key,
            store_id,
            loyalty_card_token,
            week,
            completed_at as event_at,
            {{ local_time("completed_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("completed_at", "time_zone") }} as business_date,
            quantity,
            'USD' as currency,
            cast(
                net_amount + loyalty_discount_amount + coupon_match_amount as decimal(18, 2)
            ) as gross_amount,
            loyalty_discount_amount,
            coupon_match_amount,
            cast(
                loyalty_discount_amount + coupon_match_amount as decimal(18, 2)
            ) as retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            cast(net_amount - manufacturer_coupon_amount as decimal(18, 2)) as paid_amount,
            data_party,
            data_origin
        from numbered
    )

select *
from final
