-- All of the panel's 2,102 have one; with dates in UTC 233 (11 %) would not (2026-11). One
-- in twenty may lack it, for a till's day that was refused or corrected is no mistake of
-- dates. Days without any order do not count: their partition has not landed.
with

    events as (
        select business_date, same_day_order_count
        from {{ ref("fct_coupon_events") }}
        where event_type = 'redeemed'
    ),

    order_days as (select distinct business_date from {{ ref("fct_orders") }}),

    counted as (
        select
            count(*) as redemption_count,
            count(case when events.same_day_order_count = 0 then 1 end) as lonely_count
        from events
        inner join order_days on events.business_date = order_days.business_date
    )

select redemption_count, lonely_count
from counted
where lonely_count > 0.05 * redemption_count
