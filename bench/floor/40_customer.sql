-- Customers: everybody whose card any file names, and what follows from their orders.

create schema customer;

-- A send is no day on which anybody was seen, nor is an answer about oneself.
create temp table sightings as
select household_id, min(seen_on) as first_seen_date, max(seen_on) as last_seen_date
from
    (
        select household_id, business_date as seen_on from baskets
        union all
        select household_id, redeemed_on from redemptions
        union all
        select household_id, cast(null as date) from sends
        union all
        select household_id, cast(null as date) from contacts
    )
group by household_id;

create table customer.bridge_customer_identifier as
select
    customers.customer_key,
    'loyalty_card' as identifier_type,
    customers.token,
    sightings.first_seen_date,
    sightings.last_seen_date,
    'panel' as data_origin
from sightings
inner join customers on sightings.household_id = customers.household_id;

create table customer.dim_customer as
with
    purchases as (
        select
            household_id,
            min(business_date) as first_order_date,
            max(business_date) as last_order_date,
            count(*) as order_count,
            sum(net_amount) as net_amount
        from baskets
        group by household_id
    )
select
    customers.customer_key,
    case when purchases.order_count > 0 then 'customer' else 'prospect' end as status,
    cast(1 as bigint) as loyalty_card_count,
    sightings.first_seen_date,
    sightings.last_seen_date,
    purchases.first_order_date,
    purchases.last_order_date,
    coalesce(purchases.order_count, 0) as order_count,
    cast(coalesce(purchases.net_amount, 0) as decimal(18, 2)) as net_amount,
    contacts.age as age_band,
    contacts.income as income_band,
    contacts.home_ownership,
    contacts.marital_status,
    contacts.household_size,
    contacts.household_comp as household_composition,
    contacts.kids_count,
    contacts.household_id is not null as has_demographics,
    'panel' as data_origin
from sightings
inner join customers on sightings.household_id = customers.household_id
left join purchases on sightings.household_id = purchases.household_id
left join contacts on sightings.household_id = contacts.household_id;

create table customer.mart_customer_value as
with
    totals as (
        select
            customers.customer_key,
            min(business_date) as first_order_date,
            max(business_date) as last_order_date,
            count(*) as order_count,
            sum(net_amount) as net_amount
        from baskets
        inner join customers on baskets.household_id = customers.household_id
        where business_date <= getvariable('as_of')
        group by customers.customer_key
    ),
    ranked as (
        select
            *,
            count(*) over () as customer_count,
            sum(net_amount) over () as total_net_amount,
            row_number() over by_value as value_rank,
            sum(net_amount) over by_value as cumulative_net_amount,
            5 - (rank() over (order by last_order_date desc) - 1)
            * 5
            // count(*) over () as recency_score,
            5 - (rank() over (order by order_count desc) - 1)
            * 5
            // count(*) over () as frequency_score,
            5 - (rank() over (order by net_amount desc) - 1)
            * 5
            // count(*) over () as monetary_score
        from totals
        window
            by_value as (
                order by net_amount desc, customer_key
                rows between unbounded preceding and current row
            )
    ),
    labels as (
        select
            cast(recency_score as int) as recency_score,
            cast(value_score as int) as value_score,
            rfm_label
        from read_csv(getvariable('seeds') || '/rfm_labels.csv', all_varchar = true)
    )
select
    ranked.customer_key,
    'USD' as currency,
    'panel' as data_origin,
    ranked.first_order_date,
    ranked.last_order_date,
    ranked.order_count,
    cast(ranked.net_amount as decimal(18, 2)) as net_amount,
    cast(ranked.net_amount / ranked.order_count as decimal(18, 4)) as average_order_amount,
    ranked.value_rank,
    cast(1 + (value_rank - 1) * 10 // customer_count as int) as value_decile,
    cast(net_amount as double) / cast(total_net_amount as double) as value_share,
    cast(cumulative_net_amount as double)
    / cast(total_net_amount as double) as cumulative_value_share,
    cast(getvariable('as_of') - ranked.last_order_date as bigint) as recency_days,
    cast(ranked.recency_score as int) as recency_score,
    cast(ranked.frequency_score as int) as frequency_score,
    cast(ranked.monetary_score as int) as monetary_score,
    cast((frequency_score + monetary_score + 1) // 2 as int) as value_score,
    labels.rfm_label
from ranked
left join
    labels
    on ranked.recency_score = labels.recency_score
    and (ranked.frequency_score + ranked.monetary_score + 1) // 2 = labels.value_score;

-- Gaps between purchase days as one list per customer: a usual gap is the shortest that 90 %
-- of them do not exceed, and a return is judged by the gaps before it.
create table customer.mart_customer_lifecycle as
with
    rules as (
        select
            max(rule_value) filter (where rule_key = 'lifecycle_cadence_order_days') as cadence,
            max(rule_value) filter (where rule_key = 'lifecycle_new_customer_days') as new_days,
            max(rule_value) filter (where rule_key = 'lifecycle_fallback_gap_days') as fallback,
            max(rule_value) filter (where rule_key = 'lifecycle_lapsed_gap_multiple') as multiple,
            max(rule_value) filter (where rule_key = 'lifecycle_lapsed_min_days') as min_days
        from
            read_csv(
                getvariable('seeds') || '/mart_rules.csv',
                types = {'rule_value': 'decimal(18,4)'}
            )
    ),
    totals as (
        select
            household_id,
            count(*) as order_count,
            min(business_date) as first_order_date,
            max(business_date) as last_order_date,
            sum(net_amount) as net_amount,
            list_sort(list(distinct business_date)) as days
        from baskets
        where business_date <= getvariable('as_of')
        group by household_id
    ),
    with_gaps as (
        select
            *,
            len(days) as order_day_count,
            [days[number + 1] - days[number] for number in range(1, len(days))] as gaps
        from totals
    ),
    -- A return counts while fewer purchase days than a cadence needs have followed it.
    candidates as (
        select
            with_gaps.household_id,
            gap_no,
            with_gaps.gaps[gap_no] as gap_days,
            with_gaps.days[gap_no + 1] as returned_on,
            list_sort(with_gaps.gaps[1:gap_no - 1]) as earlier
        from with_gaps
        cross join rules
        cross join
            unnest(
                range(
                    greatest(1, len(gaps) - cast(cadence as bigint) + 2), len(gaps) + 1
                )
            ) as numbers(gap_no)
    ),
    returns as (
        select candidates.household_id, max(returned_on) as reactivated_date
        from candidates
        cross join rules
        where
            len(earlier) + 1 >= cadence
            and gap_days > multiple * earlier[(9 * len(earlier) + 9) // 10]
            and gap_days >= min_days
        group by candidates.household_id
    ),
    measured as (
        select
            with_gaps.*,
            list_median(gaps) as median_gap_days,
            list_sort(gaps)[(9 * len(gaps) + 9) // 10] as p90_gap_days,
            order_day_count >= rules.cadence as has_own_cadence,
            case
                when order_day_count >= rules.cadence
                then list_sort(gaps)[(9 * len(gaps) + 9) // 10]
                else cast(rules.fallback as bigint)
            end as allowed_gap_days,
            cast(getvariable('as_of') - first_order_date as bigint) as days_since_first_order,
            cast(getvariable('as_of') - last_order_date as bigint) as days_since_last_order,
            returns.reactivated_date
        from with_gaps
        cross join rules
        left join returns on with_gaps.household_id = returns.household_id
    ),
    stated as (
        select
            measured.*,
            case
                when
                    days_since_last_order > multiple * allowed_gap_days
                    and days_since_last_order >= min_days
                then 'lapsed'
                when days_since_last_order > allowed_gap_days
                then 'at_risk'
                when reactivated_date is not null
                then 'reactivated'
                when not has_own_cadence or days_since_first_order <= new_days
                then 'new'
                else 'active'
            end as lifecycle_state
        from measured
        cross join rules
    )
select
    customers.customer_key,
    'USD' as currency,
    'panel' as data_origin,
    stated.lifecycle_state,
    stated.order_count,
    cast(stated.order_day_count as bigint) as order_day_count,
    stated.first_order_date,
    stated.last_order_date,
    stated.days_since_last_order,
    cast(stated.median_gap_days as double) as median_gap_days,
    stated.p90_gap_days,
    stated.has_own_cadence,
    stated.allowed_gap_days,
    cast(days_since_last_order as double)
    / nullif(cast(allowed_gap_days as double), 0) as overdue_ratio,
    case
        when lifecycle_state in ('at_risk', 'lapsed')
        then last_order_date + cast(allowed_gap_days + 1 as int)
    end as at_risk_since_date,
    case when lifecycle_state = 'reactivated' then reactivated_date end as reactivated_date,
    cast(stated.net_amount as decimal(18, 2)) as net_amount
from stated
inner join customers on stated.household_id = customers.household_id;
