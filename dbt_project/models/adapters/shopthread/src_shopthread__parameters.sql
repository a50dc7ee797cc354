-- One row: what the operator chose for this build.
with

    ledger as (select as_of_override, reporting_currency from {{ source("ledger", "parameters") }}),

    final as (select as_of_override, reporting_currency from ledger)

select *
from final
