-- One row per batch and reason for which rows were quarantined.
with

    ledger as (
        select batch_id, source_key, entity, partition_key, reason_code, rows
        from {{ source("ledger", "quarantined_rows") }}
    ),

    final as (
        select batch_id, source_key, entity, partition_key, reason_code, rows as row_count
        from ledger
    )

select *
from final
