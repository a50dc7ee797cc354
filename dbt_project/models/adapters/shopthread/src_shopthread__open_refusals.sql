-- One row per refused batch that no later batch has replaced.
with

    ledger as (
        select source_key, entity, partition_key, batch_id, reason, refused_at
        from {{ source("ledger", "open_refusals") }}
    ),

    final as (select source_key, entity, partition_key, batch_id, reason, refused_at from ledger)

select *
from final
