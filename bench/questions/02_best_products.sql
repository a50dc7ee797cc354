-- Which twenty products sold best in the last quarter, and to how many customers?
select
    products.product_id,
    products.category,
    sum(lines.net_amount) as net_amount,
    count(distinct orders.customer_key) as customers
from commerce.fct_order_lines as lines
inner join commerce.fct_orders as orders on lines.order_key = orders.order_key
inner join commerce.dim_product as products on lines.product_key = products.product_key
where lines.business_date >= (
    select date_trunc('quarter', max(business_date)) from commerce.fct_orders
)
group by all
order by net_amount desc, product_id
limit 20
