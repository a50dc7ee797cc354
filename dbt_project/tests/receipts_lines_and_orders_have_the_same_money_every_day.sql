-- Exact, to the cent: a join that loses or repeats a line shows here.
with

    receipts as (
        select
            business_date,
            sum(gross_amount) as gross_amount,
            sum(net_amount) as net_amount,
            sum(paid_amount) as paid_amount,
            sum(line_count) as line_count
        from {{ ref("stg_pos__transactions") }}
        group by business_date
    ),

    lines as (
        select
            business_date,
            sum(gross_amount) as gross_amount,
            sum(net_amount) as net_amount,
            sum(paid_amount) as paid_amount,
            count(*) as line_count
        from {{ ref("fct_order_lines") }}
        group by business_date
    ),

    orders as (
        select
            business_date,
            sum(gross_amount) as gross_amount,
            sum(net_amount) as net_amount,
            sum(paid_amount) as paid_amount,
            sum(line_count) as line_count
        from {{ ref("fct_orders") }}
        where channel_key = 'store'
        group by business_date
    ),

    stacked as (
        select *
        from receipts
        union all
        select *
        from lines
        union all
        select *
        from orders
    )

select business_date
from stacked
group by business_date
having
    count(*) <> 3
    or min(gross_amount) <> max(gross_amount)
    or min(net_amount) <> max(net_amount)
    or min(paid_amount) <> max(paid_amount)
    or min(line_count) <> max(line_count)
