-- One row per customer and identifier that belongs to them, as a token.
with

    customer_keys as (select node_key, customer_key from {{ ref("int_identity__customer_keys") }}),

    nodes as (
        select node_key, identifier_type, token, first_seen_date, last_seen_date, data_origin
        from {{ ref("int_identity__nodes") }}
    ),

    final as (
        select
            customer_keys.customer_key,
            nodes.identifier_type,
            nodes.token,
            min(nodes.first_seen_date) as first_seen_date,
            max(nodes.last_seen_date) as last_seen_date,
            {{ common_origin("nodes.data_origin") }} as data_origin
        from customer_keys
        inner join nodes on customer_keys.node_key = nodes.node_key
        group by customer_keys.customer_key, nodes.identifier_type, nodes.token
    )

select *
from final
