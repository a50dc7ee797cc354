-- One row per pair of identifiers that one record names together. No record of the panel
-- names two, so the table is empty until a source does.
with

    record_identifiers as (
        select source_key, entity, source_record_id, node_key, seen_date
        from {{ ref("int_identity__record_identifiers") }}
    ),

    -- A star: every identifier of a record is tied to the record's smallest one, which
    -- connects the same people with fewer edges than every pair would.
    centred as (
        select
            source_key,
            entity,
            node_key,
            seen_date,
            min(node_key) over (
                partition by source_key, entity, source_record_id
            ) as centre_node_key
        from record_identifiers
    ),

    final as (
        select
            centre_node_key as from_node_key,
            node_key as to_node_key,
            source_key,
            entity,
            'same_record' as edge_type,
            min(seen_date) as first_seen_date,
            max(seen_date) as last_seen_date,
            count(*) as record_count
        from centred
        where centre_node_key <> node_key
        group by centre_node_key, node_key, source_key, entity
    )

select *
from final
