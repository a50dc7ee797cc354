-- One row per landed line of a refund of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            id,
            refund_id,
            order_line_id,
            processed_at,
            quantity,
            subtotal,
            total_tax,
            restock_type,
            condition,
            _business_date
        from {{ landed("shopify", "refund_lines") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id as refund_line_id,
            refund_id,
            order_line_id,
            processed_at as refunded_at,
            quantity,
            subtotal as net_amount,
            total_tax as tax_amount,
            restock_type,
            condition,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "id",
                        "refund_id",
                        "order_line_id",
                        "processed_at",
                        "quantity",
                        "subtotal",
                        "total_tax",
                        "restock_type",
                        "condition",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
