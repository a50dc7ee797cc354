-- One row per product on an order.
{{ config(meta={"accepted_batches_of": ["order_lines"]}) }}
with

    lines as (
        select
            source_key,
            batch_id,
            order_line_id,
            order_id,
            order_created_at,
            line_no,
            product_ref,
            variant_ref,
            sku,
            title,
            brand,
            quantity,
            unit_amount,
            discount_amount,
            net_amount,
            tax_amount,
            cost_amount,
            currency,
            discount_code,
            is_gift_card,
            gift_card_token,
            is_shipped,
            is_gift_wrapped,
            fulfillment_method,
            pickup_location_ref,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__order_lines") }}
    ),

    final as (
        select
            source_key,
            cast(order_line_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'order_line'", "order_line_id"]) }} as order_line_key,
            batch_id,
            {{ surrogate_key(["source_key", "'order'", "order_id"]) }} as order_key,
            line_no,
            order_created_at as event_at,
            {{ local_time("order_created_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("order_created_at", "time_zone") }} as business_date,
            sku,
            product_ref,
            variant_ref,
            title,
            brand,
            quantity,
            currency,
            unit_amount,
            cast(quantity * unit_amount as decimal(18, 2)) as gross_amount,
            discount_amount,
            net_amount,
            tax_amount,
            cost_amount,
            discount_code,
            is_gift_card,
            gift_card_token,
            is_shipped,
            is_gift_wrapped,
            fulfillment_method,
            pickup_location_ref,
            data_party,
            data_origin
        from lines
    )

select *
from final
