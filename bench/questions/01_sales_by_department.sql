-- What did each department sell in each month, and what share of it was given away?
select
    date_trunc('month', lines.business_date) as month,
    products.department,
    sum(lines.net_amount) as net_amount,
    round(sum(lines.retailer_discount_amount) / nullif(sum(lines.gross_amount), 0), 4) as discount_share
from commerce.fct_order_lines as lines
left join commerce.dim_product as products on lines.product_key = products.product_key
group by all
order by all
