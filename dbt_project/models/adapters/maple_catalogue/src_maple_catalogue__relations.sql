-- One row per landed relation of every batch, also of superseded ones.
with

    landed as (
        select source_key, _batch_id, sku, related_sku, relation
        from {{ landed("maple_catalogue", "relations") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            sku,
            related_sku,
            relation,
            {{ surrogate_key(["sku", "related_sku", "relation"]) }} as record_hash
        from landed
    )

select *
from final
