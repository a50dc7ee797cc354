select components.component_key
from {{ ref("int_identity__components") }} as components
left join
    {{ ref("int_identity__customer_keys") }} as customer_keys
    on components.node_key = customer_keys.node_key
group by components.component_key
having
    min(customer_keys.customer_key) <> max(customer_keys.customer_key)
    or count(customer_keys.customer_key) < count(*)
