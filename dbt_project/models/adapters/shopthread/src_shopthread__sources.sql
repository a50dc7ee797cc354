-- One row per entity of a configured source, as its configuration declares it.
with

    ledger as (
        select
            source_key,
            vendor,
            entity,
            channel_key,
            description,
            owner,
            collection_method,
            data_party,
            personal_data_level,
            lawful_basis,
            retention_days,
            version_rule,
            on_bad_batch,
            cadence,
            max_age_hours,
            is_partitioned,
            is_required,
            location_zone,
            data_origin
        from {{ source("ledger", "sources") }}
    ),

    final as (
        select
            source_key,
            vendor,
            entity,
            channel_key,
            description,
            owner,
            collection_method,
            data_party,
            personal_data_level,
            lawful_basis,
            retention_days,
            version_rule,
            on_bad_batch,
            cadence,
            max_age_hours,
            is_partitioned,
            is_required,
            location_zone as time_zone,
            data_origin
        from ledger
    )

select *
from final
