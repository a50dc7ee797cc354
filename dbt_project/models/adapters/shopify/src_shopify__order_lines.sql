-- One row per landed line of an order of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            id,
            order_id,
            order_created_at,
            index,
            product_id,
            variant_id,
            sku,
            title,
            vendor,
            quantity,
            price,
            total_discount,
            pre_tax_price,
            tax_amount,
            cost_amount,
            currency,
            discount_code,
            gift_card,
            gift_card_hash_token,
            requires_shipping,
            gift_wrap,
            fulfillment_method,
            pickup_location_id,
            _business_date
        from {{ landed("shopify", "order_lines") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id as order_line_id,
            order_id,
            order_created_at,
            index as line_no,
            cast(product_id as {{ dbt.type_string() }}) as product_ref,
            cast(variant_id as {{ dbt.type_string() }}) as variant_ref,
            sku,
            title,
            vendor as brand,
            quantity,
            price as unit_amount,
            total_discount as discount_amount,
            pre_tax_price as net_amount,
            tax_amount,
            cost_amount,
            currency,
            discount_code,
            gift_card as is_gift_card,
            gift_card_hash_token as gift_card_token,
            requires_shipping as is_shipped,
            gift_wrap as is_gift_wrapped,
            fulfillment_method,
            cast(pickup_location_id as {{ dbt.type_string() }}) as pickup_location_ref,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "id",
                        "order_id",
                        "order_created_at",
                        "index",
                        "product_id",
                        "variant_id",
                        "sku",
                        "title",
                        "vendor",
                        "quantity",
                        "price",
                        "total_discount",
                        "pre_tax_price",
                        "tax_amount",
                        "cost_amount",
                        "currency",
                        "discount_code",
                        "gift_card",
                        "gift_card_hash_token",
                        "requires_shipping",
                        "gift_wrap",
                        "fulfillment_method",
                        "pickup_location_id",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
