-- One row per identifier within one slice of ownership: the thing that can be linked.
with

    observations as (
        select
            node_key,
            identifier_type,
            token,
            first_seen_date,
            last_seen_date,
            record_count,
            data_origin
        from {{ ref("int_identity__observations") }}
    ),

    policy as (
        select identifier_type, type_priority, can_anchor from {{ ref("identifier_policy") }}
    ),

    observed as (
        select
            node_key,
            identifier_type,
            token,
            min(first_seen_date) as first_seen_date,
            max(last_seen_date) as last_seen_date,
            cast(sum(record_count) as bigint) as record_count,
            {{ common_origin("data_origin") }} as data_origin
        from observations
        group by node_key, identifier_type, token
    ),

    final as (
        select
            observed.node_key,
            observed.identifier_type,
            observed.token,
            -- A type that is never handed on has one slice, open from the first day.
            cast('0001-01-01' as date) as slice_start,
            policy.type_priority,
            policy.can_anchor,
            observed.first_seen_date,
            observed.last_seen_date,
            observed.record_count,
            observed.data_origin
        from observed
        left join policy on observed.identifier_type = policy.identifier_type
    )

select *
from final
