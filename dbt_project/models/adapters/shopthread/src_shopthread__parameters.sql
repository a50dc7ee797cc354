-- One row: what the operator chose for this build.
with

    ledger as (
        select as_of_override, reporting_currency, project_version
        from {{ source("ledger", "parameters") }}
    ),

    final as (select as_of_override, reporting_currency, project_version from ledger)

select *
from final
