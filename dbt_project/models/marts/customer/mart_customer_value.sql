-- One row per customer with at least one order up to as_of.
with

    orders as (
        select customer_key, business_date, currency, net_amount, data_origin
        from {{ ref("fct_orders") }}
        where customer_key is not null and business_date <= {{ as_of() }}
    ),

    labels as (select recency_score, value_score, rfm_label from {{ ref("rfm_labels") }}),

    customer_orders as (
        select
            customer_key,
            currency,
            {{ common_origin("data_origin") }} as data_origin,
            min(business_date) as first_order_date,
            max(business_date) as last_order_date,
            count(*) as order_count,
            sum(net_amount) as net_amount
        from orders
        group by customer_key, currency
    ),

    -- Deciles are exact tenths of a total order (the key breaks ties); scores share a
    -- rank between equal values, so that equal customers are never told apart.
    ranked as (
        select
            *,
            {{ days_between("last_order_date", as_of()) }} as recency_days,
            count(*) over (partition by data_origin, currency) as customer_count,
            sum(net_amount) over (partition by data_origin, currency) as total_net_amount,
            row_number() over (
                partition by data_origin, currency
                order by net_amount desc nulls last, customer_key asc nulls last
            ) as value_rank,
            sum(net_amount) over (
                partition by data_origin, currency
                order by net_amount desc nulls last, customer_key asc nulls last
                rows between unbounded preceding and current row
            ) as cumulative_net_amount,
            rank() over (
                partition by data_origin, currency order by last_order_date desc nulls last
            ) as recency_rank,
            rank() over (
                partition by data_origin, currency order by order_count desc nulls last
            ) as frequency_rank,
            rank() over (
                partition by data_origin, currency order by net_amount desc nulls last
            ) as monetary_rank
        from customer_orders
    ),

    scored as (
        select
            *,
            cast(1 + floor((value_rank - 1) * 10 / customer_count) as int) as value_decile,
            cast(5 - floor((recency_rank - 1) * 5 / customer_count) as int) as recency_score,
            cast(5 - floor((frequency_rank - 1) * 5 / customer_count) as int) as frequency_score,
            cast(5 - floor((monetary_rank - 1) * 5 / customer_count) as int) as monetary_score
        from ranked
    ),

    valued as (
        select *, cast(floor((frequency_score + monetary_score + 1) / 2) as int) as value_score
        from scored
    ),

    final as (
        select
            valued.customer_key,
            valued.currency,
            valued.data_origin,
            valued.first_order_date,
            valued.last_order_date,
            cast(valued.order_count as bigint) as order_count,
            cast(valued.net_amount as decimal(18, 2)) as net_amount,
            cast(valued.net_amount / valued.order_count as decimal(18, 4)) as average_order_amount,
            cast(valued.value_rank as bigint) as value_rank,
            valued.value_decile,
            cast(valued.net_amount as double)
            / nullif(cast(valued.total_net_amount as double), 0) as value_share,
            cast(valued.cumulative_net_amount as double)
            / nullif(cast(valued.total_net_amount as double), 0) as cumulative_value_share,
            cast(valued.recency_days as bigint) as recency_days,
            valued.recency_score,
            valued.frequency_score,
            valued.monetary_score,
            valued.value_score,
            labels.rfm_label
        from valued
        left join
            labels
            on valued.recency_score = labels.recency_score
            and valued.value_score = labels.value_score
    )

select *
from final
