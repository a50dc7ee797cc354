-- One row per landed price of every batch, also of superseded ones.
with

    landed as (
        select
            source_key, _batch_id, sku, channel, currency, price_type, price, valid_from, valid_to
        from {{ landed("maple_catalogue", "prices") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            sku,
            channel,
            currency,
            price_type,
            price,
            valid_from,
            valid_to,
            {{
                surrogate_key(
                    [
                        "sku",
                        "channel",
                        "currency",
                        "price_type",
                        "price",
                        "valid_from",
                        "valid_to",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
