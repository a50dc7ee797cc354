-- One row per line of an order that was given back.
{{ config(meta={"accepted_batches_of": ["refund_lines", "refunds"]}) }}
with

    lines as (
        select
            source_key,
            batch_id,
            refund_line_id,
            refund_id,
            order_line_id,
            refunded_at,
            quantity,
            net_amount,
            tax_amount,
            restock_type,
            condition,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__refund_lines") }}
    ),

    refunds as (
        select
            source_key,
            refund_id,
            order_id,
            reason_code,
            return_channel,
            return_location_ref,
            is_restocked,
            currency
        from {{ newest_records("src_shopify__refunds") }}
    ),

    -- Lines and refunds are delivered apart: a line stands also while its refund is missing.
    joined as (
        select
            lines.*,
            refunds.order_id,
            refunds.reason_code,
            refunds.return_channel,
            refunds.return_location_ref,
            refunds.is_restocked,
            refunds.currency
        from lines
        left join
            refunds on lines.source_key = refunds.source_key and lines.refund_id = refunds.refund_id
    ),

    final as (
        select
            source_key,
            cast(refund_line_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'return_line'", "refund_line_id"]) }}
            as return_line_key,
            batch_id,
            {{ surrogate_key(["source_key", "'refund'", "refund_id"]) }} as refund_key,
            case
                when order_id is not null
                then {{ surrogate_key(["source_key", "'order'", "order_id"]) }}
            end as order_key,
            {{ surrogate_key(["source_key", "'order_line'", "order_line_id"]) }} as order_line_key,
            refunded_at as event_at,
            {{ local_time("refunded_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("refunded_at", "time_zone") }} as business_date,
            reason_code,
            reason_code = 'cancelled' as is_cancellation,
            return_channel,
            return_location_ref,
            condition,
            restock_type,
            is_restocked,
            quantity,
            currency,
            net_amount,
            tax_amount,
            cast(net_amount + tax_amount as decimal(18, 2)) as refund_amount,
            data_party,
            data_origin
        from joined
    )

select *
from final
