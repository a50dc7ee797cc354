-- One row per landed article of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            sku,
            product_id,
            variant_id,
            title,
            brand,
            category_id,
            season,
            cost_usd,
            cost_cad,
            is_taxable,
            is_gift_card,
            status
        from {{ landed("maple_catalogue", "products") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            sku,
            product_id,
            variant_id,
            title,
            brand,
            category_id,
            season,
            cost_usd,
            cost_cad,
            is_taxable,
            is_gift_card,
            status,
            {{
                surrogate_key(
                    [
                        "sku",
                        "product_id",
                        "variant_id",
                        "title",
                        "brand",
                        "category_id",
                        "season",
                        "cost_usd",
                        "cost_cad",
                        "is_taxable",
                        "is_gift_card",
                        "status",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
