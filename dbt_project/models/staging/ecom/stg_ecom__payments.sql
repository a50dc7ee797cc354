-- One row per step of paying for an order, or of giving its money back.
{{ config(meta={"accepted_batches_of": ["transactions"]}) }}
with

    payments as (
        select
            source_key,
            batch_id,
            transaction_id,
            order_id,
            refund_id,
            kind,
            gateway,
            status,
            payment_amount,
            currency,
            created_at,
            processed_at,
            card_brand,
            card_last_four,
            payment_token,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__transactions") }}
    ),

    final as (
        select
            source_key,
            cast(transaction_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'payment'", "transaction_id"]) }} as payment_key,
            batch_id,
            {{ surrogate_key(["source_key", "'order'", "order_id"]) }} as order_key,
            case
                when refund_id is not null
                then {{ surrogate_key(["source_key", "'refund'", "refund_id"]) }}
            end as refund_key,
            created_at as event_at,
            {{ local_time("created_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("created_at", "time_zone") }} as business_date,
            kind,
            gateway,
            status,
            card_brand,
            card_last_four,
            payment_token,
            currency,
            payment_amount,
            data_party,
            data_origin
        from payments
    )

select *
from final
