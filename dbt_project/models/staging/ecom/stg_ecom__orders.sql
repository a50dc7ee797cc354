-- One row per order of the web shop and of whoever sells through its system.
{{ config(meta={"accepted_batches_of": ["orders", "customers"]}) }}
with

    orders as (
        select
            source_key,
            batch_id,
            order_id,
            order_name,
            created_at,
            processed_at,
            updated_at,
            cancelled_at,
            cancel_reason,
            email_token,
            phone_token,
            shop_customer_token,
            currency,
            gross_amount,
            discount_amount,
            net_amount,
            shipping_amount,
            tax_amount,
            total_amount,
            financial_status,
            source_name,
            location_ref,
            seller_ref,
            is_marketing_accepted,
            checkout_ref,
            cart_ref,
            landing_path,
            utm_source,
            utm_medium,
            utm_campaign,
            utm_term,
            utm_content,
            click_id_token,
            referring_page,
            gateway,
            discount_code,
            discount_code_count,
            billing_name_token,
            billing_street_token,
            billing_city,
            billing_region_code,
            billing_postal_code_token,
            billing_country_code,
            billing_phone_token,
            shipping_name_token,
            shipping_street_token,
            shipping_city,
            shipping_region_code,
            shipping_postal_code_token,
            shipping_country_code,
            shipping_phone_token,
            tags,
            is_test,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__orders") }}
    ),

    accounts as (
        select source_key, shop_customer_token, updated_at
        from {{ newest_records("src_shopify__customers") }}
    ),

    -- Accounts come as a whole list from time to time: of an order that is younger than the
    -- list nobody knows yet whether its customer has one.
    lists as (select source_key, max(updated_at) as shown_at from accounts group by source_key),

    joined as (
        select
            orders.*,
            case
                when orders.shop_customer_token is null
                then true
                when accounts.shop_customer_token is not null
                then false
                when orders.created_at <= lists.shown_at
                then true
            end as is_guest
        from orders
        left join lists on orders.source_key = lists.source_key
        left join
            accounts
            on orders.source_key = accounts.source_key
            and orders.shop_customer_token = accounts.shop_customer_token
    ),

    final as (
        select
            source_key,
            cast(order_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'order'", "order_id"]) }} as order_key,
            batch_id,
            order_name as order_no,
            created_at as event_at,
            {{ local_time("created_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("created_at", "time_zone") }} as business_date,
            updated_at,
            cancelled_at,
            cancelled_at is not null as is_cancelled,
            cancel_reason,
            case when cancelled_at is null then 'placed' else 'cancelled' end as status,
            financial_status,
            case
                when source_name in ('web', 'app', 'marketplace', 'phone', 'catalog', 'tv_shopping')
                then source_name
                when source_name in ('social_shop', 'facebook', 'instagram', 'pinterest', 'tiktok')
                then 'social_shop'
                else 'other'
            end as sales_channel,
            source_name,
            'retail' as order_type,
            case
                when tags like '%fulfillment:bopis%'
                then 'bopis'
                when tags like '%fulfillment:ship_from_store%'
                then 'ship_from_store'
                else 'delivery'
            end as fulfillment_method,
            location_ref,
            seller_ref,
            shop_customer_token,
            email_token,
            phone_token,
            is_guest,
            is_marketing_accepted,
            is_test,
            cart_ref,
            checkout_ref,
            landing_path,
            utm_source,
            utm_medium,
            utm_campaign,
            utm_term,
            utm_content,
            click_id_token,
            nullif(split_part(split_part(referring_page, '//', 2), '/', 1), '') as referrer_host,
            gateway,
            discount_code,
            discount_code_count,
            currency,
            gross_amount,
            discount_amount,
            net_amount,
            shipping_amount,
            tax_amount,
            total_amount,
            billing_name_token,
            billing_street_token,
            billing_postal_code_token,
            billing_phone_token,
            billing_city,
            billing_region_code,
            billing_country_code,
            shipping_name_token,
            shipping_street_token,
            shipping_postal_code_token,
            shipping_phone_token,
            shipping_city,
            shipping_region_code,
            shipping_country_code,
            data_party,
            data_origin
        from joined
    )

select *
from final
