{#-
  What each contract takes record by record: from which adapter, which of several versions of
  a record it keeps, and which amounts must add up. The contract and its account read the
  same line, so that they cannot mean two different records.
-#}
{% macro accounted_records() -%}
    {{
        return(
            [
                {
                    "contract": "stg_finance__fx_rates",
                    "adapter": "src_maple_finance__fx_rates",
                    "key": ["rate_date", "base_currency", "quote_currency"],
                },
                {
                    "contract": "stg_catalog__variants",
                    "adapter": "src_maple_catalogue__products",
                    "key": ["sku"],
                },
                {
                    "contract": "stg_catalog__categories",
                    "adapter": "src_maple_catalogue__categories",
                    "key": ["category_id"],
                },
                {
                    "contract": "stg_catalog__prices",
                    "adapter": "src_maple_catalogue__prices",
                    "key": ["sku", "channel", "currency", "price_type", "valid_from"],
                },
                {
                    "contract": "stg_catalog__relations",
                    "adapter": "src_maple_catalogue__relations",
                    "key": ["sku", "related_sku", "relation"],
                },
                {
                    "contract": "stg_store__interactions",
                    "adapter": "src_maple_store_floor__interactions",
                    "key": ["interaction_id"],
                },
                {
                    "contract": "stg_store__footfall",
                    "adapter": "src_maple_store_floor__footfall",
                    "key": ["store_id", "business_date", "hour_local"],
                },
                {
                    "contract": "stg_store__visits",
                    "adapter": "src_maple_store_floor__visits",
                    "key": ["visit_id"],
                },
                {
                    "contract": "stg_ecom__orders",
                    "adapter": "src_shopify__orders",
                    "key": ["order_id"],
                    "version": "updated_at",
                    "money": [
                        "gross_amount",
                        "discount_amount",
                        "net_amount",
                        "shipping_amount",
                        "tax_amount",
                        "total_amount",
                    ],
                    "currency": "currency",
                },
                {
                    "contract": "stg_ecom__order_lines",
                    "adapter": "src_shopify__order_lines",
                    "key": ["order_line_id"],
                    "money": [
                        "discount_amount",
                        "net_amount",
                        "tax_amount",
                        "cost_amount",
                    ],
                    "currency": "currency",
                },
                {
                    "contract": "stg_ecom__payments",
                    "adapter": "src_shopify__transactions",
                    "key": ["transaction_id"],
                    "money": [
                        "payment_amount",
                    ],
                    "currency": "currency",
                },
                {
                    "contract": "stg_ecom__checkouts",
                    "adapter": "src_shopify__abandoned_checkouts",
                    "key": ["checkout_id"],
                    "version": "updated_at",
                    "money": [
                        "total_amount",
                    ],
                    "currency": "currency",
                },
                {
                    "contract": "stg_ecom__customers",
                    "adapter": "src_shopify__customers",
                    "key": ["shop_customer_token"],
                },
                {
                    "contract": "stg_fulfillment__events",
                    "adapter": "src_shopify__fulfillment_events",
                    "key": ["fulfillment_event_id"],
                },
                {
                    "contract": "stg_returns__refunds",
                    "adapter": "src_shopify__refunds",
                    "key": ["refund_id"],
                    "money": [
                        "shipping_refund_amount",
                        "refund_amount",
                    ],
                    "currency": "currency",
                },
                {
                    "contract": "stg_returns__return_lines",
                    "adapter": "src_shopify__refund_lines",
                    "key": ["refund_line_id"],
                },
            ]
        )
    }}
{%- endmacro %}
