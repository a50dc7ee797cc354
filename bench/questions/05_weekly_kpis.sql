-- What were orders, net sales and order value in each ISO week?
select
    dates.iso_year,
    dates.iso_week,
    sum(kpis.numerator) filter (where kpis.kpi_key = 'orders') as orders,
    sum(kpis.numerator) filter (where kpis.kpi_key = 'net_sales') as net_sales,
    round(
        sum(kpis.numerator) filter (where kpis.kpi_key = 'average_order_value')
        / nullif(sum(kpis.denominator) filter (where kpis.kpi_key = 'average_order_value'), 0),
        2
    ) as order_value
from kpi.kpi_daily as kpis
inner join commerce.dim_date as dates on kpis.date = dates.date
group by all
order by all
