-- How many customers of each month's beginners were still buying in each later month?
with
    beginners as (
        select customer_key, date_trunc('month', first_order_date) as cohort
        from customer.dim_customer
        where first_order_date is not null
    )
select
    beginners.cohort,
    datediff('month', beginners.cohort, orders.business_date) as month_no,
    count(distinct orders.customer_key) as customers,
    sum(orders.net_amount) as net_amount
from commerce.fct_orders as orders
inner join beginners on orders.customer_key = beginners.customer_key
group by all
order by all
