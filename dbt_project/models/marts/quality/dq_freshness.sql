-- One row per entity of a configured source. The rule is that of
-- orchestration/landing/freshness.py, and tests/dbt/test_freshness.py holds the two together.
with

    sources as (
        select
            source_key,
            entity,
            channel_key,
            owner,
            on_bad_batch,
            max_age_hours,
            is_partitioned,
            is_required,
            data_origin
        from {{ ref("dim_source") }}
    ),

    accepted_batches as (
        select source_key, entity, business_date
        from {{ ref("src_shopthread__batches") }}
        where verdict = 'accepted'
    ),

    newest_deliveries as (
        select source_key, entity, delivered_at as newest_delivered_at
        from {{ ref("src_shopthread__newest_deliveries") }}
    ),

    open_refusals as (
        select source_key, entity, partition_key, batch_id, reason
        from {{ ref("src_shopthread__open_refusals") }}
    ),

    -- A snapshot has no business date of its own: it is as new as its delivery.
    newest_batches as (
        select
            source_key,
            entity,
            count(*) as accepted_batch_count,
            max(business_date) as newest_business_date
        from accepted_batches
        group by source_key, entity
    ),

    -- By business date and not by the clock of who refused it, which may be set back.
    ranked_refusals as (
        select
            source_key,
            entity,
            partition_key,
            reason,
            count(*) over (partition by source_key, entity) as open_refusal_count,
            max(try_cast(partition_key as date)) over (
                partition by source_key, entity
            ) as newest_refused_date,
            row_number() over (
                partition by source_key, entity
                order by partition_key desc nulls last, batch_id asc nulls last
            ) as newest_first
        from open_refusals
    ),

    newest_refusals as (
        select source_key, entity, partition_key, reason, open_refusal_count, newest_refused_date
        from ranked_refusals
        where newest_first = 1
    ),

    dated as (
        select
            sources.*,
            coalesce(newest_batches.accepted_batch_count, 0) as accepted_batch_count,
            case
                when sources.is_partitioned
                then newest_batches.newest_business_date
                else cast(newest_deliveries.newest_delivered_at as date)
            end as newest_date,
            newest_deliveries.newest_delivered_at,
            coalesce(newest_refusals.open_refusal_count, 0) as open_refusal_count,
            newest_refusals.partition_key as refused_partition,
            newest_refusals.reason as refusal_reason,
            newest_refusals.newest_refused_date,
            {{ as_of() }} as as_of_date
        from sources
        left join
            newest_batches
            on sources.source_key = newest_batches.source_key
            and sources.entity = newest_batches.entity
        left join
            newest_deliveries
            on sources.source_key = newest_deliveries.source_key
            and sources.entity = newest_deliveries.entity
        left join
            newest_refusals
            on sources.source_key = newest_refusals.source_key
            and sources.entity = newest_refusals.entity
    ),

    -- A day that was offered and refused is a day behind, even when it lies after as_of.
    measured as (
        select
            dated.*,
            case
                when as_of_date is null or newest_refused_date > as_of_date
                then newest_refused_date
                else as_of_date
            end as lag_until
        from dated
    ),

    -- What arrived after the date the data is judged at is not late.
    lagged as (
        select
            measured.*,
            case
                when newest_date is null or lag_until is null
                then null
                when newest_date >= lag_until
                then 0
                else {{ days_between("newest_date", "lag_until") }}
            end as lag_days
        from measured
    ),

    final as (
        select
            source_key,
            entity,
            channel_key,
            owner,
            data_origin,
            is_partitioned,
            is_required,
            on_bad_batch,
            as_of_date,
            newest_date,
            cast(lag_days as bigint) as lag_days,
            max_age_hours,
            case
                when accepted_batch_count = 0
                then 'missing'
                when open_refusal_count > 0 or lag_days * 24 > max_age_hours
                then 'stale'
                else 'fresh'
            end as freshness_state,
            cast(accepted_batch_count as bigint) as accepted_batch_count,
            cast(open_refusal_count as bigint) as open_refusal_count,
            refused_partition,
            refusal_reason,
            newest_delivered_at
        from lagged
    )

select *
from final
