-- One row per landed step of a payment of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            id,
            order_id,
            refund_id,
            kind,
            gateway,
            status,
            amount,
            currency,
            created_at,
            processed_at,
            payment_credit_card_company,
            payment_credit_card_number,
            payment_token_hash_token,
            _business_date
        from {{ landed("shopify", "transactions") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id as transaction_id,
            order_id,
            refund_id,
            kind,
            gateway,
            status,
            amount as payment_amount,
            currency,
            created_at,
            processed_at,
            payment_credit_card_company as card_brand,
            right(payment_credit_card_number, 4) as card_last_four,
            payment_token_hash_token as payment_token,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "id",
                        "order_id",
                        "refund_id",
                        "kind",
                        "gateway",
                        "status",
                        "amount",
                        "currency",
                        "created_at",
                        "processed_at",
                        "payment_credit_card_company",
                        "payment_credit_card_number",
                        "payment_token_hash_token",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
