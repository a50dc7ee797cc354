-- One row per customer: everybody whose identifier any source has seen.
with

    customer_keys as (select node_key, customer_key from {{ ref("int_identity__customer_keys") }}),

    nodes as (
        select node_key, identifier_type, token, first_seen_date, last_seen_date, data_origin
        from {{ ref("int_identity__nodes") }}
    ),

    orders as (
        select node_key, business_date, net_amount, data_origin
        from {{ ref("int_journey__orders") }}
    ),

    contacts as (
        select
            contact_key,
            loyalty_card_token,
            age_band,
            income_band,
            home_ownership,
            marital_status,
            household_size,
            household_composition,
            kids_count
        from {{ ref("stg_crm__contacts") }}
    ),

    customer_nodes as (
        select
            customer_keys.customer_key,
            nodes.node_key,
            nodes.identifier_type,
            nodes.token,
            nodes.first_seen_date,
            nodes.last_seen_date,
            nodes.data_origin
        from customer_keys
        inner join nodes on customer_keys.node_key = nodes.node_key
    ),

    identified as (
        select
            customer_key,
            count(
                distinct case when identifier_type = 'loyalty_card' then token end
            ) as loyalty_card_count,
            min(first_seen_date) as first_seen_date,
            max(last_seen_date) as last_seen_date,
            {{ common_origin("data_origin") }} as data_origin
        from customer_nodes
        group by customer_key
    ),

    purchases as (
        select
            customer_keys.customer_key,
            min(orders.business_date) as first_order_date,
            max(orders.business_date) as last_order_date,
            count(*) as order_count,
            cast(sum(orders.net_amount) as decimal(18, 2)) as net_amount
        from orders
        inner join customer_keys on orders.node_key = customer_keys.node_key
        group by customer_keys.customer_key
    ),

    ranked_contacts as (
        select
            customer_nodes.customer_key,
            contacts.age_band,
            contacts.income_band,
            contacts.home_ownership,
            contacts.marital_status,
            contacts.household_size,
            contacts.household_composition,
            contacts.kids_count,
            row_number() over (
                partition by customer_nodes.customer_key
                order by customer_nodes.first_seen_date nulls last, contacts.contact_key nulls last
            ) as contact_rank
        from contacts
        inner join
            customer_nodes
            on {{ node_key("'loyalty_card'", "contacts.loyalty_card_token") }}
            = customer_nodes.node_key
    ),

    -- A person with several cards has the attributes of the card seen first, whole: a mix
    -- of two records would describe nobody.
    attributes as (select * from ranked_contacts where contact_rank = 1),

    final as (
        select
            identified.customer_key,
            case
                when coalesce(purchases.order_count, 0) > 0 then 'customer' else 'prospect'
            end as status,
            identified.loyalty_card_count,
            identified.first_seen_date,
            identified.last_seen_date,
            purchases.first_order_date,
            purchases.last_order_date,
            coalesce(purchases.order_count, 0) as order_count,
            coalesce(purchases.net_amount, cast(0 as decimal(18, 2))) as net_amount,
            attributes.age_band,
            attributes.income_band,
            attributes.home_ownership,
            attributes.marital_status,
            attributes.household_size,
            attributes.household_composition,
            attributes.kids_count,
            attributes.customer_key is not null as has_demographics,
            identified.data_origin
        from identified
        left join purchases on identified.customer_key = purchases.customer_key
        left join attributes on identified.customer_key = attributes.customer_key
    )

select *
from final
