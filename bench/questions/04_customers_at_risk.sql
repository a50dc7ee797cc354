-- How many customers are in each state of their life, and what are they worth?
select
    lifecycle.lifecycle_state,
    worth.rfm_label,
    count(*) as customers,
    sum(worth.net_amount) as net_amount
from customer.mart_customer_lifecycle as lifecycle
inner join
    customer.mart_customer_value as worth
    on lifecycle.customer_key = worth.customer_key
    and lifecycle.currency = worth.currency
group by all
order by all
