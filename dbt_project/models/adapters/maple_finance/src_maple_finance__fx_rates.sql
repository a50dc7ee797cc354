-- One row per landed exchange rate of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            rate_date,
            base_currency,
            quote_currency,
            rate,
            provider,
            _business_date
        from {{ landed("maple_finance", "fx_rates") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            rate_date,
            base_currency,
            quote_currency,
            rate,
            provider,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    ["rate_date", "base_currency", "quote_currency", "rate", "provider"]
                )
            }} as record_hash
        from landed
    )

select *
from final
