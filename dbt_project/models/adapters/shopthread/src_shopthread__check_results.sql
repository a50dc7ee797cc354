-- One row per check: its latest result per asset, expectation and column.
with

    ledger as (
        select
            run_id,
            layer,
            asset,
            check_name,
            expectation,
            column_name,
            severity,
            outcome,
            evaluated_rows,
            unexpected_rows,
            observed,
            because,
            checked_at,
            engine
        from {{ source("ledger", "check_results") }}
    ),

    final as (
        select
            run_id,
            layer,
            asset,
            check_name,
            expectation,
            column_name,
            severity,
            outcome,
            evaluated_rows,
            unexpected_rows,
            observed,
            because,
            checked_at,
            engine
        from ledger
    )

select *
from final
