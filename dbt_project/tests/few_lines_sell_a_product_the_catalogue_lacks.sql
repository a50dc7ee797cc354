-- One line in a hundred: the panel has 4,836 of 1,469,307, 0.33 % (2026-11-23). More means
-- that the catalogue lags behind or the keys of the two do not fit. An empty catalogue has
-- not landed, which its own checks report.
with

    lines as (select product_key from {{ ref("fct_order_lines") }}),

    products as (select product_key, is_in_catalogue from {{ ref("dim_product") }}),

    counted as (
        select
            count(*) as line_count,
            count(case when not products.is_in_catalogue then 1 end) as unknown_count
        from lines
        left join products on lines.product_key = products.product_key
    )

select line_count, unknown_count
from counted
where unknown_count > 0.01 * line_count and exists (select 1 from products where is_in_catalogue)
