-- One row per account of the shop, as the latest list has it.
{{ config(meta={"accepted_batches_of": ["customers"]}) }}
with

    accounts as (
        select
            source_key,
            batch_id,
            shop_customer_token,
            given_name_token,
            family_name_token,
            email_token,
            phone_token,
            account_state,
            is_marketing_accepted,
            is_email_verified,
            created_at,
            updated_at,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__customers") }}
    ),

    final as (
        select
            source_key,
            shop_customer_token as source_record_id,
            {{ surrogate_key(["source_key", "'shop_customer'", "shop_customer_token"]) }}
            as shop_customer_key,
            batch_id,
            shop_customer_token,
            email_token,
            phone_token,
            given_name_token,
            family_name_token,
            account_state,
            is_email_verified,
            is_marketing_accepted,
            created_at as event_at,
            {{ local_time("created_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("created_at", "time_zone") }} as business_date,
            updated_at,
            data_party,
            data_origin
        from accounts
    )

select *
from final
