-- One row per day and pair of currencies.
{{ config(meta={"accepted_batches_of": ["fx_rates"]}) }}
with

    rates as (
        select
            source_key,
            batch_id,
            rate_date,
            base_currency,
            quote_currency,
            rate,
            provider,
            data_party,
            data_origin
        from {{ newest_records("src_maple_finance__fx_rates") }}
    ),

    final as (
        select
            source_key,
            cast(rate_date as {{ dbt.type_string() }})
            || '-'
            || base_currency
            || '-'
            || quote_currency as source_record_id,
            {{
                surrogate_key(
                    ["source_key", "'fx_rate'", "rate_date", "base_currency", "quote_currency"]
                )
            }} as fx_rate_key,
            batch_id,
            rate_date as business_date,
            base_currency,
            quote_currency,
            rate,
            provider,
            data_party,
            data_origin
        from rates
    )

select *
from final
