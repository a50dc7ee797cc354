-- One row per landed category of every batch, also of superseded ones.
with

    landed as (
        select source_key, _batch_id, category_id, name, path
        from {{ landed("maple_catalogue", "categories") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            category_id,
            name,
            path,
            {{ surrogate_key(["category_id", "name", "path"]) }} as record_hash
        from landed
    )

select *
from final
