-- A fact, a KPI and the catalog itself, counted again and compared with their lines.
with

    catalog as (select mart_name, row_count from {{ ref("catalog") }}),

    counted as (
        select 'fct_orders' as mart_name, count(*) as row_count
        from {{ ref("fct_orders") }}
        union all
        select 'kpi_daily' as mart_name, count(*) as row_count
        from {{ ref("kpi_daily") }}
        union all
        select 'catalog' as mart_name, count(*) as row_count
        from {{ ref("catalog") }}
    ),

    final as (
        select counted.mart_name, counted.row_count, catalog.row_count as row_count_in_catalog
        from counted
        left join catalog on counted.mart_name = catalog.mart_name
        where catalog.row_count is null or catalog.row_count <> counted.row_count
    )

select *
from final
