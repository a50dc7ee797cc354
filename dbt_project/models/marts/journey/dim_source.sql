-- One row per entity of a configured source.
with

    sources as (
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
            time_zone,
            data_origin
        from {{ ref("stg_shopthread__sources") }}
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
            time_zone,
            data_origin
        from sources
    )

select *
from final
