-- One row per landed hour of a store of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            store_id,
            business_date,
            hour_local,
            time_zone,
            visitors_in,
            visitors_out,
            _business_date
        from {{ landed("maple_store_floor", "footfall") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            store_id,
            business_date,
            hour_local,
            time_zone,
            visitors_in,
            visitors_out,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "store_id",
                        "business_date",
                        "hour_local",
                        "time_zone",
                        "visitors_in",
                        "visitors_out",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
