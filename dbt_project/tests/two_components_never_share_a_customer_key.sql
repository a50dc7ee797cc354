select customer_keys.customer_key
from {{ ref("int_identity__customer_keys") }} as customer_keys
inner join
    {{ ref("int_identity__components") }} as components
    on customer_keys.node_key = components.node_key
group by customer_keys.customer_key
having min(components.component_key) <> max(components.component_key)
