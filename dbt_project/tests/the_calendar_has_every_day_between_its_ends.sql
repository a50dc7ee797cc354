with

    days as (
        select min(date) as first_date, max(date) as last_date, count(*) as day_count
        from {{ ref("dim_date") }}
    )

select first_date, last_date, day_count
from days
where day_count <> {{ days_between("first_date", "last_date") }} + 1
