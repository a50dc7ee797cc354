-- One row per landed refund of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            id,
            order_id,
            created_at,
            processed_at,
            note,
            restock,
            location_id,
            return_channel,
            shipping_refund,
            total_refunded,
            currency,
            _business_date
        from {{ landed("shopify", "refunds") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id as refund_id,
            order_id,
            created_at,
            processed_at,
            note as reason_code,
            restock as is_restocked,
            cast(location_id as {{ dbt.type_string() }}) as return_location_ref,
            return_channel,
            shipping_refund as shipping_refund_amount,
            total_refunded as refund_amount,
            currency,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "id",
                        "order_id",
                        "created_at",
                        "processed_at",
                        "note",
                        "restock",
                        "location_id",
                        "return_channel",
                        "shipping_refund",
                        "total_refunded",
                        "currency",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
