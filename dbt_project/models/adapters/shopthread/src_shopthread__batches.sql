-- One row per batch the ledger knows, with what its source declared and whether staging
-- reads it.
with

    batches as (
        select
            batch_id,
            source_key,
            vendor,
            entity,
            partition_key,
            content_hash,
            version,
            version_rule,
            arrival_no,
            verdict,
            physical_rows,
            landed_rows,
            quarantined_rows,
            reason,
            delivered_at,
            run_id,
            data_origin
        from {{ source("ledger", "batches") }}
    ),

    sources as (
        select source_key, entity, data_party, location_zone, is_partitioned, is_required
        from {{ source("ledger", "sources") }}
    ),

    -- Which version of a partition is current is decided by content: the highest declared
    -- version, then the highest content hash. Only a source that can say no more than
    -- *arrival* is decided by the order of arrival.
    ranked as (
        select
            batch_id,
            row_number() over (
                partition by source_key, entity, partition_key
                order by
                    version desc nulls last,
                    case when version_rule = 'arrival' then arrival_no end desc nulls last,
                    content_hash desc nulls last,
                    batch_id desc nulls last
            ) as version_rank
        from batches
        where verdict = 'accepted'
    ),

    final as (
        select
            batches.batch_id,
            batches.source_key,
            batches.vendor,
            batches.entity,
            batches.partition_key,
            -- A snapshot's partition is a word, not a day, and so is that of rows without one.
            case
                when sources.is_partitioned then try_cast(batches.partition_key as date)
            end as business_date,
            batches.content_hash,
            batches.version,
            batches.version_rule,
            batches.arrival_no,
            batches.verdict,
            coalesce(ranked.version_rank = 1, false) as is_current,
            batches.physical_rows,
            batches.landed_rows,
            batches.quarantined_rows,
            batches.reason,
            batches.delivered_at,
            batches.run_id,
            coalesce(sources.is_partitioned, false) as is_partitioned,
            coalesce(sources.is_required, false) as is_required,
            sources.data_party,
            sources.location_zone as time_zone,
            batches.data_origin
        from batches
        left join
            sources on batches.source_key = sources.source_key and batches.entity = sources.entity
        left join ranked on batches.batch_id = ranked.batch_id
    )

select *
from final
