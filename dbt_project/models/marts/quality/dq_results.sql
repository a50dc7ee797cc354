-- One row per check: what it said last.
with

    check_results as (
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
        from {{ ref("src_shopthread__check_results") }}
    ),

    final as (
        select
            {{ surrogate_key(["asset", "check_name", "expectation", "column_name"]) }}
            as check_result_key,
            layer,
            asset,
            check_name,
            expectation,
            column_name,
            severity,
            outcome,
            evaluated_rows,
            unexpected_rows,
            cast(unexpected_rows as double)
            / nullif(cast(evaluated_rows as double), 0) as unexpected_share,
            observed,
            because,
            engine,
            run_id,
            checked_at
        from check_results
    )

select *
from final
