-- One row per kind of interaction between the brand and a person.
with

    touchpoint_types as (
        select
            touchpoint_type,
            touchpoint_name,
            channel_default,
            direction,
            is_addressable,
            can_influence,
            is_aggregate_only,
            journey_phase_default
        from {{ ref("touchpoint_types") }}
    ),

    final as (
        select
            touchpoint_type,
            touchpoint_name,
            channel_default,
            direction,
            is_addressable,
            can_influence,
            is_aggregate_only,
            journey_phase_default
        from touchpoint_types
    )

select *
from final
