-- One row per calendar day, in whole years, over every day that any fact or campaign names.
with

    orders as (select business_date from {{ ref("int_journey__orders") }}),

    campaigns as (select starts_on, ends_on from {{ ref("stg_mail__campaigns") }}),

    coupon_events as (select business_date from {{ ref("stg_coupons__events") }}),

    known_dates as (
        select min(business_date) as first_date, max(business_date) as last_date
        from orders
        union all
        select min(starts_on) as first_date, max(ends_on) as last_date
        from campaigns
        union all
        select min(business_date) as first_date, max(business_date) as last_date
        from coupon_events
    ),

    bounds as (
        select
            cast({{ dbt.date_trunc("year", "min(first_date)") }} as date) as first_day,
            cast({{ dbt.date_trunc("year", "max(last_date)") }} as date) as last_year
        from known_dates
    ),

    digits as (
        select 0 as digit
        union all
        select 1 as digit
        union all
        select 2 as digit
        union all
        select 3 as digit
        union all
        select 4 as digit
        union all
        select 5 as digit
        union all
        select 6 as digit
        union all
        select 7 as digit
        union all
        select 8 as digit
        union all
        select 9 as digit
    ),

    -- 100,000 days, 273 years: both engines know a cross join, neither the other's
    -- series function.
    day_numbers as (
        select
            ones.digit
            + 10 * tens.digit
            + 100 * hundreds.digit
            + 1000 * thousands.digit
            + 10000 * ten_thousands.digit as day_number
        from digits as ones
        cross join digits as tens
        cross join digits as hundreds
        cross join digits as thousands
        cross join digits as ten_thousands
    ),

    days as (
        select
            {{ add_days("bounds.first_day", "day_numbers.day_number") }} as date, bounds.last_year
        from day_numbers
        cross join bounds
    ),

    calendar as (
        select
            date,
            {{ iso_weekday("date") }} as iso_weekday,
            cast(extract(year from date) as int) as year,
            cast(extract(month from date) as int) as month_of_year
        from days
        where extract(year from date) <= extract(year from last_year)
    ),

    with_week as (
        select
            calendar.*,
            -- The Thursday of a week decides which year the week belongs to.
            {{ add_days("date", "4 - iso_weekday") }} as iso_thursday
        from calendar
    ),

    final as (
        select
            date,
            year,
            cast(extract(quarter from date) as int) as quarter_of_year,
            month_of_year,
            cast({{ dbt.date_trunc("month", "date") }} as date) as month_start_date,
            case
                month_of_year
                when 1
                then 'January'
                when 2
                then 'February'
                when 3
                then 'March'
                when 4
                then 'April'
                when 5
                then 'May'
                when 6
                then 'June'
                when 7
                then 'July'
                when 8
                then 'August'
                when 9
                then 'September'
                when 10
                then 'October'
                when 11
                then 'November'
                else 'December'
            end as month_name,
            cast(extract(day from date) as int) as day_of_month,
            cast(extract(year from iso_thursday) as int) as iso_year,
            cast(extract(week from date) as int) as iso_week,
            {{ add_days("date", "1 - iso_weekday") }} as week_start_date,
            iso_weekday,
            case
                iso_weekday
                when 1
                then 'Monday'
                when 2
                then 'Tuesday'
                when 3
                then 'Wednesday'
                when 4
                then 'Thursday'
                when 5
                then 'Friday'
                when 6
                then 'Saturday'
                else 'Sunday'
            end as weekday_name,
            iso_weekday >= 6 as is_weekend
        from with_week
    )

select *
from final
