-- One row per article number.
{{ config(meta={"accepted_batches_of": ["products"]}) }}
with

    records as (
        select
            source_key,
            batch_id,
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
            data_party,
            data_origin
        from {{ newest_records("src_maple_catalogue__products") }}
    ),

    final as (
        select
            source_key,
            sku as source_record_id,
            {{ surrogate_key(["source_key", "'variant'", "sku"]) }} as variant_key,
            batch_id,
            sku,
            cast(product_id as {{ dbt.type_string() }}) as product_ref,
            cast(variant_id as {{ dbt.type_string() }}) as variant_ref,
            title,
            brand,
            {{ surrogate_key(["source_key", "'category'", "category_id"]) }} as category_key,
            season,
            cost_usd,
            cost_cad,
            is_taxable,
            is_gift_card,
            status = 'active' as is_active,
            data_party,
            data_origin
        from records
    )

select *
from final
