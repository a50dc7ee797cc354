-- One row per landed visit of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            visit_id,
            store_id,
            business_date,
            visited_at,
            method,
            device_id_token,
            dwell_minutes,
            _business_date
        from {{ landed("maple_store_floor", "visits") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            visit_id,
            store_id,
            business_date,
            visited_at,
            method,
            device_id_token as app_device_token,
            dwell_minutes,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "visit_id",
                        "store_id",
                        "business_date",
                        "visited_at",
                        "method",
                        "device_id_token",
                        "dwell_minutes",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
