-- A calendar is wrong first around New Year. Passes where the calendar does not reach there.
select date
from {{ ref("dim_date") }}
where
    date = cast('2017-01-01' as date)
    and not (
        iso_weekday = 7
        and weekday_name = 'Sunday'
        and is_weekend
        and iso_year = 2016
        and iso_week = 52
        and week_start_date = cast('2016-12-26' as date)
        and quarter_of_year = 1
        and month_start_date = date
    )
