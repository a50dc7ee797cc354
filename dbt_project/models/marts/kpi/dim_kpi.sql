-- One row per KPI of the dictionary.
with

    kpis as (
        select
            kpi_key,
            name,
            description,
            unit,
            aggregation,
            formula,
            numerator,
            denominator,
            channel,
            fact,
            owner,
            source_of_formula
        from {{ ref("kpis") }}
    ),

    final as (
        select
            kpi_key,
            name,
            description,
            unit,
            aggregation,
            formula,
            numerator,
            denominator,
            channel,
            fact,
            owner,
            source_of_formula
        from kpis
    )

select *
from final
