select touchpoints.touchpoint_key
from {{ ref("fct_touchpoints") }} as touchpoints
inner join
    {{ ref("dim_touchpoint_type") }} as touchpoint_types
    on touchpoints.touchpoint_type = touchpoint_types.touchpoint_type
where touchpoint_types.is_aggregate_only and touchpoints.customer_key is not null
