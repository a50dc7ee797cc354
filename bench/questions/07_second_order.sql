-- How soon did customers come back after their first order?
with
    firsts as (
        select customer_key, business_date from commerce.fct_orders where order_seq = 1
    ),
    seconds as (
        select customer_key, business_date from commerce.fct_orders where order_seq = 2
    )
select
    case
        when seconds.business_date is null then 'never'
        when seconds.business_date - firsts.business_date <= 7 then 'within a week'
        when seconds.business_date - firsts.business_date <= 30 then 'within a month'
        else 'later'
    end as came_back,
    count(*) as customers
from firsts
left join seconds on firsts.customer_key = seconds.customer_key
group by all
order by all
