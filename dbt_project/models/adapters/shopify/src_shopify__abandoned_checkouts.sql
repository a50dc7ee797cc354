-- One row per landed checkout that was left of every batch, also of superseded ones.
-- The address of the checkout is left out: whoever has it goes on with the checkout.
with

    landed as (
        select
            source_key,
            _batch_id,
            id,
            token,
            cart_token,
            created_at,
            updated_at,
            completed_at,
            email_token,
            customer_id_token,
            currency,
            total_price,
            abandoned_checkout_url,
            _business_date
        from {{ landed("shopify", "abandoned_checkouts") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id as checkout_id,
            token as checkout_ref,
            cart_token as cart_ref,
            created_at,
            updated_at,
            completed_at,
            email_token,
            customer_id_token as shop_customer_token,
            currency,
            total_price as total_amount,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "id",
                        "token",
                        "cart_token",
                        "created_at",
                        "updated_at",
                        "completed_at",
                        "email_token",
                        "customer_id_token",
                        "currency",
                        "total_price",
                        "abandoned_checkout_url",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
