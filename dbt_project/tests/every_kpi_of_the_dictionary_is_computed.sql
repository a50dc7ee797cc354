-- A KPI in the dictionary without a row in kpi_daily, although its fact has rows of others.
with

    kpis as (select kpi_key, fact from {{ ref("dim_kpi") }}),

    computed as (select distinct kpi_key from {{ ref("kpi_daily") }}),

    facts_with_rows as (
        select distinct kpis.fact from kpis inner join computed on kpis.kpi_key = computed.kpi_key
    ),

    final as (
        select kpis.kpi_key, kpis.fact
        from kpis
        inner join facts_with_rows on kpis.fact = facts_with_rows.fact
        left join computed on kpis.kpi_key = computed.kpi_key
        where computed.kpi_key is null
    )

select *
from final
