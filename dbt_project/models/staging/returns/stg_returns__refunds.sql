-- One row per refund of an order: what was given back at once, shipping included.
{{ config(meta={"accepted_batches_of": ["refunds"]}) }}
with

    refunds as (
        select
            source_key,
            batch_id,
            refund_id,
            order_id,
            created_at,
            processed_at,
            reason_code,
            is_restocked,
            return_location_ref,
            return_channel,
            shipping_refund_amount,
            refund_amount,
            currency,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__refunds") }}
    ),

    final as (
        select
            source_key,
            cast(refund_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'refund'", "refund_id"]) }} as refund_key,
            batch_id,
            {{ surrogate_key(["source_key", "'order'", "order_id"]) }} as order_key,
            created_at as event_at,
            {{ local_time("created_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("created_at", "time_zone") }} as business_date,
            processed_at,
            reason_code,
            reason_code = 'cancelled' as is_cancellation,
            return_channel,
            return_location_ref,
            is_restocked,
            currency,
            shipping_refund_amount,
            refund_amount,
            data_party,
            data_origin
        from refunds
    )

select *
from final
