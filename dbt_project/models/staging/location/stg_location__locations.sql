-- One row per store that sold something or had a promotion placed.
{{ config(meta={"accepted_batches_of": ["transactions", "promotions"]}) }}
with

    till_rows as (
        select source_key, batch_id, store_id from {{ ref("src_complete_journey__transactions") }}
    ),

    placement_rows as (
        select source_key, batch_id, store_id from {{ ref("src_complete_journey__promotions") }}
    ),

    current_batches as (
        select source_key, batch_id, entity, data_party, time_zone, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity in ('transactions', 'promotions') and is_current
    ),

    -- No source delivers a list of stores, so a store exists once a current batch names it.
    named_stores as (
        select source_key, batch_id, store_id
        from till_rows
        group by source_key, batch_id, store_id
        union
        select source_key, batch_id, store_id
        from placement_rows
        group by source_key, batch_id, store_id
    ),

    stores as (
        select
            named_stores.source_key,
            named_stores.store_id,
            min(named_stores.batch_id) as batch_id,
            min(current_batches.data_party) as data_party,
            min(current_batches.time_zone) as time_zone,
            max(case when current_batches.entity = 'promotions' then 1 else 0 end)
            = 1 as has_placements,
            {{ common_origin("current_batches.data_origin") }} as data_origin
        from named_stores
        inner join
            current_batches
            on named_stores.source_key = current_batches.source_key
            and named_stores.batch_id = current_batches.batch_id
        group by named_stores.source_key, named_stores.store_id
    ),

    final as (
        select
            source_key,
            cast(store_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'location'", "store_id"]) }} as location_key,
            batch_id,
            store_id,
            'store' as location_type,
            time_zone,
            has_placements,
            data_party,
            data_origin
        from stores
    )

select *
from final
