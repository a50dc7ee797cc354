-- One row per batch and reason for which rows were kept out of landing.
with

    batches as (
        select batch_id, verdict, physical_rows, data_origin
        from {{ ref("src_shopthread__batches") }}
    ),

    quarantined_rows as (
        select batch_id, source_key, entity, partition_key, reason_code, row_count
        from {{ ref("src_shopthread__quarantined_rows") }}
    ),

    open_refusals as (
        select batch_id, source_key, entity, partition_key, reason, refused_at
        from {{ ref("src_shopthread__open_refusals") }}
    ),

    -- A refused batch without a single readable row still has its line.
    refusals_without_rows as (
        select
            open_refusals.batch_id,
            open_refusals.source_key,
            open_refusals.entity,
            open_refusals.partition_key,
            'refused_batch' as reason_code,
            cast(0 as bigint) as row_count
        from open_refusals
        left join quarantined_rows on open_refusals.batch_id = quarantined_rows.batch_id
        where quarantined_rows.batch_id is null
    ),

    rejected as (
        select batch_id, source_key, entity, partition_key, reason_code, row_count
        from quarantined_rows
        union all
        select batch_id, source_key, entity, partition_key, reason_code, row_count
        from refusals_without_rows
    ),

    final as (
        select
            {{
                surrogate_key(
                    ["rejected.source_key", "rejected.batch_id", "rejected.reason_code"]
                )
            }} as reject_key,
            rejected.source_key,
            rejected.entity,
            rejected.partition_key,
            rejected.batch_id,
            batches.verdict,
            rejected.reason_code,
            rejected.row_count as rows,
            batches.physical_rows,
            cast(rejected.row_count as double)
            / nullif(cast(batches.physical_rows as double), 0) as rejected_share,
            open_refusals.batch_id is not null as is_open_refusal,
            open_refusals.reason as refusal_reason,
            open_refusals.refused_at,
            batches.data_origin
        from rejected
        left join batches on rejected.batch_id = batches.batch_id
        left join open_refusals on rejected.batch_id = open_refusals.batch_id
    )

select *
from final
