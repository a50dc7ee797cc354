-- One row per node: the connected component it belongs to, named after the component's
-- smallest node key. With no edges every node is its own component.
with recursive

    nodes as (select node_key from {{ ref("int_identity__nodes") }}),

    edges as (select from_node_key, to_node_key from {{ ref("int_identity__edges") }}),

    neighbours as (
        select from_node_key as node_key, to_node_key as neighbour_key
        from edges
        union
        select to_node_key as node_key, from_node_key as neighbour_key
        from edges
    ),

    -- Every label walks along the edges as long as it is smaller than the node it reaches:
    -- the smallest of a component is never stopped, so it reaches all of it.
    labels(node_key, label) as (
        select node_key, node_key as label
        from nodes
        union
        select neighbours.neighbour_key as node_key, labels.label
        from labels
        inner join neighbours on labels.node_key = neighbours.node_key
        where labels.label < neighbours.neighbour_key
    ),

    final as (select node_key, min(label) as component_key from labels group by node_key)

select *
from final
