-- One row per checkout that was begun and left.
{{ config(meta={"accepted_batches_of": ["abandoned_checkouts"]}) }}
with

    checkouts as (
        select
            source_key,
            batch_id,
            checkout_id,
            checkout_ref,
            cart_ref,
            created_at,
            updated_at,
            completed_at,
            email_token,
            shop_customer_token,
            currency,
            total_amount,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__abandoned_checkouts") }}
    ),

    final as (
        select
            source_key,
            cast(checkout_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'checkout'", "checkout_id"]) }} as checkout_key,
            batch_id,
            created_at as event_at,
            {{ local_time("created_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("created_at", "time_zone") }} as business_date,
            updated_at,
            completed_at,
            completed_at is not null as is_completed,
            checkout_ref,
            cart_ref,
            shop_customer_token,
            email_token,
            currency,
            total_amount,
            data_party,
            data_origin
        from checkouts
    )

select *
from final
