-- How many contacted customers of each campaign ordered while it ran, and for how much?
select
    campaigns.campaign_name,
    count(distinct contacts.customer_key) as contacted,
    count(distinct orders.customer_key) as buyers,
    sum(orders.net_amount) as net_amount
from journey.fct_touchpoints as contacts
inner join commerce.dim_campaign as campaigns on contacts.campaign_key = campaigns.campaign_key
left join
    commerce.fct_orders as orders
    on contacts.customer_key = orders.customer_key
    and orders.business_date between contacts.business_date and contacts.window_ends_on
where contacts.touchpoint_type = 'mail_in_home'
group by all
order by all
