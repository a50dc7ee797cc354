-- How much of each month's net sales came from first orders?
select
    date_trunc('month', business_date) as month,
    count_if(is_first_order) as first_orders,
    count_if(not is_first_order) as later_orders,
    sum(net_amount) filter (where is_first_order) as first_net_amount,
    sum(net_amount) as net_amount
from commerce.fct_orders
group by all
order by all
