-- Do products sell more in weeks in which stores display them?
with
    weekly as (
        select
            lines.product_key,
            1 + cast(ceil((lines.business_date - date '2017-01-01') / 7.0) as bigint) as week,
            sum(lines.net_amount) as net_amount
        from commerce.fct_order_lines as lines
        where not lines.is_volume_measured
        group by all
    )
select
    coalesce(exposure.display_store_count, 0) > 0 as is_displayed,
    coalesce(exposure.mailer_store_count, 0) > 0 as is_mailed,
    count(*) as product_weeks,
    sum(weekly.net_amount) as net_amount
from weekly
left join
    commerce.fct_promotion_exposure_weekly as exposure
    on weekly.product_key = exposure.product_key
    and weekly.week = exposure.week
group by all
order by all
