-- One row per visit of a store by a device.
{{ config(meta={"accepted_batches_of": ["visits"]}) }}
with

    records as (
        select
            source_key,
            batch_id,
            visit_id,
            store_id,
            business_date,
            visited_at,
            method,
            app_device_token,
            dwell_minutes,
            data_party,
            data_origin
        from {{ newest_records("src_maple_store_floor__visits") }}
    ),

    final as (
        select
            source_key,
            visit_id as source_record_id,
            {{ surrogate_key(["source_key", "'store_visit'", "visit_id"]) }} as store_visit_key,
            batch_id,
            {{ surrogate_key(["source_key", "'location'", "store_id"]) }} as location_key,
            store_id,
            method,
            app_device_token,
            dwell_minutes,
            visited_at as event_at,
            business_date,
            data_party,
            data_origin
        from records
    )

select *
from final
