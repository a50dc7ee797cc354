-- A panel household is one loyalty card of exactly one customer (decision D14).
select customer_keys.customer_key
from {{ ref("int_identity__customer_keys") }} as customer_keys
inner join {{ ref("int_identity__nodes") }} as nodes on customer_keys.node_key = nodes.node_key
where nodes.identifier_type = 'loyalty_card' and nodes.data_origin = 'panel'
group by customer_keys.customer_key
having count(*) > 1
