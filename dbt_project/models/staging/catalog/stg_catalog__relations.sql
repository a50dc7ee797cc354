-- One row per article, other article and relation.
{{ config(meta={"accepted_batches_of": ["relations"]}) }}
with

    records as (
        select source_key, batch_id, sku, related_sku, relation, data_party, data_origin
        from {{ newest_records("src_maple_catalogue__relations") }}
    ),

    final as (
        select
            source_key,
            sku || '-' || related_sku || '-' || relation as source_record_id,
            {{ surrogate_key(["source_key", "'relation'", "sku", "related_sku", "relation"]) }}
            as relation_key,
            batch_id,
            sku,
            {{ surrogate_key(["source_key", "'variant'", "sku"]) }} as variant_key,
            related_sku,
            {{ surrogate_key(["source_key", "'variant'", "related_sku"]) }} as related_variant_key,
            relation,
            data_party,
            data_origin
        from records
    )

select *
from final
