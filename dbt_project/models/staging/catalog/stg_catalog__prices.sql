-- One row per article, channel, currency, kind of price and first day.
{{ config(meta={"accepted_batches_of": ["prices"]}) }}
with

    records as (
        select
            source_key,
            batch_id,
            sku,
            channel,
            currency,
            price_type,
            price,
            valid_from,
            valid_to,
            data_party,
            data_origin
        from {{ newest_records("src_maple_catalogue__prices") }}
    ),

    final as (
        select
            source_key,
            sku
            || '-'
            || channel
            || '-'
            || currency
            || '-'
            || price_type
            || '-'
            || cast(valid_from as {{ dbt.type_string() }}) as source_record_id,
            {{
                surrogate_key(
                    [
                        "source_key",
                        "'price'",
                        "sku",
                        "channel",
                        "currency",
                        "price_type",
                        "valid_from",
                    ]
                )
            }} as price_key,
            batch_id,
            sku,
            {{ surrogate_key(["source_key", "'variant'", "sku"]) }} as variant_key,
            channel as price_channel,
            currency,
            price_type,
            price,
            valid_from,
            valid_to,
            data_party,
            data_origin
        from records
    )

select *
from final
