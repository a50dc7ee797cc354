-- One row per identifier and contract of a source that names it.
with

    record_identifiers as (
        select source_key, entity, node_key, identifier_type, token, seen_date, data_origin
        from {{ ref("int_identity__record_identifiers") }}
    ),

    final as (
        select
            node_key,
            identifier_type,
            token,
            source_key,
            entity,
            min(seen_date) as first_seen_date,
            max(seen_date) as last_seen_date,
            count(*) as record_count,
            {{ common_origin("data_origin") }} as data_origin
        from record_identifiers
        group by node_key, identifier_type, token, source_key, entity
    )

select *
from final
