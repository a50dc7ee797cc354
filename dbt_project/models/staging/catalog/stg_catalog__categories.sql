-- One row per category.
{{ config(meta={"accepted_batches_of": ["categories"]}) }}
with

    records as (
        select source_key, batch_id, category_id, name, path, data_party, data_origin
        from {{ newest_records("src_maple_catalogue__categories") }}
    ),

    final as (
        select
            source_key,
            cast(category_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'category'", "category_id"]) }} as category_key,
            batch_id,
            cast(category_id as {{ dbt.type_string() }}) as category_ref,
            name as category_name,
            path as category_path,
            trim(split_part(path, '>', 1)) as department,
            data_party,
            data_origin
        from records
    )

select *
from final
