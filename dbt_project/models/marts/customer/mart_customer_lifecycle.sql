-- One row per customer with at least one order up to as_of.
with

    orders as (
        select order_key, customer_key, business_date, currency, net_amount, data_origin
        from {{ ref("fct_orders") }}
        where customer_key is not null and business_date <= {{ as_of() }}
    ),

    rules as (
        select
            max(
                case when rule_key = 'lifecycle_cadence_order_days' then rule_value end
            ) as cadence_order_days,
            max(
                case when rule_key = 'lifecycle_new_customer_days' then rule_value end
            ) as new_customer_days,
            max(
                case when rule_key = 'lifecycle_fallback_gap_days' then rule_value end
            ) as fallback_gap_days,
            max(
                case when rule_key = 'lifecycle_lapsed_gap_multiple' then rule_value end
            ) as lapsed_gap_multiple,
            max(
                case when rule_key = 'lifecycle_lapsed_min_days' then rule_value end
            ) as lapsed_min_days
        from {{ ref("mart_rules") }}
    ),

    customer_orders as (
        select
            customer_key,
            currency,
            {{ common_origin("data_origin") }} as data_origin,
            count(*) as order_count,
            count(distinct business_date) as order_day_count,
            min(business_date) as first_order_date,
            max(business_date) as last_order_date,
            sum(net_amount) as net_amount
        from orders
        group by customer_key, currency
    ),

    order_days as (
        select
            customer_key,
            business_date,
            lag(business_date) over (
                partition by customer_key order by business_date asc nulls last
            ) as previous_order_date,
            row_number() over (partition by customer_key order by business_date asc nulls last)
            - 1 as gap_no
        from orders
        group by customer_key, business_date
    ),

    gaps as (
        select
            customer_key,
            gap_no,
            business_date as returned_on_date,
            {{ days_between("previous_order_date", "business_date") }} as gap_days,
            count(*) over (partition by customer_key) as gap_count
        from order_days
        where previous_order_date is not null
    ),

    ranked_gaps as (
        select
            customer_key,
            gap_days,
            gap_count,
            row_number() over (
                partition by customer_key order by gap_days asc nulls last, gap_no asc nulls last
            ) as gap_rank
        from gaps
    ),

    -- Nearest rank, no interpolation: the shortest own gap that at least 90 % of the own
    -- gaps do not exceed. Whole days, integer arithmetic, the same on every engine.
    cadences as (
        select
            customer_key,
            cast(median(gap_days) as double) as median_gap_days,
            min(case when gap_rank * 10 >= gap_count * 9 then gap_days end) as p90_gap_days
        from ranked_gaps
        group by customer_key
    ),

    -- A gap that ended so recently that fewer purchase days than a cadence needs have
    -- followed: the only gaps whose end can still count as a return.
    recent_gaps as (
        select gaps.customer_key, gaps.gap_no, gaps.gap_days, gaps.returned_on_date
        from gaps
        cross join rules
        where gaps.gap_count - gaps.gap_no + 1 < rules.cadence_order_days
    ),

    ranked_earlier_gaps as (
        select
            recent_gaps.customer_key,
            recent_gaps.gap_no,
            earlier.gap_days,
            count(*) over (partition by recent_gaps.customer_key, recent_gaps.gap_no) as gap_count,
            row_number() over (
                partition by recent_gaps.customer_key, recent_gaps.gap_no
                order by earlier.gap_days asc nulls last, earlier.gap_no asc nulls last
            ) as gap_rank
        from recent_gaps
        inner join
            gaps as earlier
            on recent_gaps.customer_key = earlier.customer_key
            and recent_gaps.gap_no > earlier.gap_no
    ),

    earlier_cadences as (
        select
            customer_key,
            gap_no,
            count(*) + 1 as order_day_count,
            min(case when gap_rank * 10 >= gap_count * 9 then gap_days end) as p90_gap_days
        from ranked_earlier_gaps
        group by customer_key, gap_no
    ),

    -- Without a cadence before the silence nobody can say that it was a lapse.
    returns_after_lapse as (
        select recent_gaps.customer_key, max(recent_gaps.returned_on_date) as reactivated_date
        from recent_gaps
        inner join
            earlier_cadences
            on recent_gaps.customer_key = earlier_cadences.customer_key
            and recent_gaps.gap_no = earlier_cadences.gap_no
        cross join rules
        where
            earlier_cadences.order_day_count >= rules.cadence_order_days
            and recent_gaps.gap_days > rules.lapsed_gap_multiple * earlier_cadences.p90_gap_days
            and recent_gaps.gap_days >= rules.lapsed_min_days
        group by recent_gaps.customer_key
    ),

    measured as (
        select
            customer_orders.*,
            cadences.median_gap_days,
            cadences.p90_gap_days,
            returns_after_lapse.reactivated_date,
            case
                when customer_orders.order_day_count >= rules.cadence_order_days
                then cadences.p90_gap_days
                else cast(rules.fallback_gap_days as bigint)
            end as allowed_gap_days,
            customer_orders.order_day_count >= rules.cadence_order_days as has_own_cadence,
            {{ days_between("customer_orders.first_order_date", as_of()) }}
            as days_since_first_order,
            {{ days_between("customer_orders.last_order_date", as_of()) }} as days_since_last_order
        from customer_orders
        cross join rules
        left join cadences on customer_orders.customer_key = cadences.customer_key
        left join
            returns_after_lapse on customer_orders.customer_key = returns_after_lapse.customer_key
    ),

    stated as (
        select
            measured.*,
            case
                when
                    measured.days_since_last_order
                    > rules.lapsed_gap_multiple * measured.allowed_gap_days
                    and measured.days_since_last_order >= rules.lapsed_min_days
                then 'lapsed'
                when measured.days_since_last_order > measured.allowed_gap_days
                then 'at_risk'
                when measured.reactivated_date is not null
                then 'reactivated'
                when
                    not measured.has_own_cadence
                    or measured.days_since_first_order <= rules.new_customer_days
                then 'new'
                else 'active'
            end as lifecycle_state
        from measured
        cross join rules
    ),

    final as (
        select
            customer_key,
            currency,
            data_origin,
            lifecycle_state,
            cast(order_count as bigint) as order_count,
            cast(order_day_count as bigint) as order_day_count,
            first_order_date,
            last_order_date,
            cast(days_since_last_order as bigint) as days_since_last_order,
            median_gap_days,
            cast(p90_gap_days as bigint) as p90_gap_days,
            has_own_cadence,
            cast(allowed_gap_days as bigint) as allowed_gap_days,
            cast(days_since_last_order as double)
            / nullif(cast(allowed_gap_days as double), 0) as overdue_ratio,
            case
                when lifecycle_state in ('at_risk', 'lapsed')
                then {{ add_days("last_order_date", "allowed_gap_days + 1") }}
            end as at_risk_since_date,
            case when lifecycle_state = 'reactivated' then reactivated_date end as reactivated_date,
            cast(net_amount as decimal(18, 2)) as net_amount
        from stated
    )

select *
from final
