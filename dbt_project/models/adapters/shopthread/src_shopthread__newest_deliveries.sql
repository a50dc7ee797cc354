-- One row per entity that landing ever accepted anything of.
with

    ledger as (
        select source_key, entity, delivered_at from {{ source("ledger", "newest_deliveries") }}
    ),

    final as (select source_key, entity, delivered_at from ledger)

select *
from final
