-- One row per node: the customer it belongs to. The key is a function of the component's
-- anchor alone, so no order of arrival and no rebuild changes it.
with

    components as (select node_key, component_key from {{ ref("int_identity__components") }}),

    nodes as (
        select
            node_key,
            identifier_type,
            token,
            slice_start,
            type_priority,
            can_anchor,
            first_seen_date
        from {{ ref("int_identity__nodes") }}
    ),

    ranked as (
        select
            components.component_key,
            nodes.node_key,
            nodes.identifier_type,
            nodes.token,
            nodes.slice_start,
            row_number() over (
                partition by components.component_key
                order by
                    -- What must not anchor does so only where nothing else exists.
                    case when nodes.can_anchor then 0 else 1 end,
                    nodes.first_seen_date nulls last,
                    nodes.type_priority nulls last,
                    nodes.token nulls last,
                    nodes.slice_start nulls last,
                    nodes.node_key nulls last
            ) as anchor_rank
        from components
        inner join nodes on components.node_key = nodes.node_key
    ),

    anchors as (
        select
            component_key,
            node_key as anchor_node_key,
            {{ surrogate_key(["'customer'", "identifier_type", "token", "slice_start"]) }}
            as customer_key
        from ranked
        where anchor_rank = 1
    ),

    final as (
        select components.node_key, anchors.customer_key, anchors.anchor_node_key
        from components
        inner join anchors on components.component_key = anchors.component_key
    )

select *
from final
