-- One row per store and hour.
{{ config(meta={"accepted_batches_of": ["footfall"]}) }}
with

    records as (
        select
            source_key,
            batch_id,
            store_id,
            business_date,
            hour_local,
            time_zone,
            visitors_in,
            visitors_out,
            data_party,
            data_origin
        from {{ newest_records("src_maple_store_floor__footfall") }}
    ),

    final as (
        select
            source_key,
            store_id
            || '-'
            || cast(business_date as {{ dbt.type_string() }})
            || '-'
            || cast(hour_local as {{ dbt.type_string() }}) as source_record_id,
            {{
                surrogate_key(
                    ["source_key", "'footfall'", "store_id", "business_date", "hour_local"]
                )
            }} as footfall_key,
            batch_id,
            {{ surrogate_key(["source_key", "'location'", "store_id"]) }} as location_key,
            store_id,
            business_date,
            hour_local,
            time_zone,
            visitors_in,
            visitors_out,
            data_party,
            data_origin
        from records
    )

select *
from final
