-- One row per contact in a store.
{{ config(meta={"accepted_batches_of": ["interactions"]}) }}
with

    records as (
        select
            source_key,
            batch_id,
            interaction_id,
            store_id,
            associate_id,
            interaction_type,
            business_date,
            started_at_local,
            started_at,
            sku,
            email_token,
            loyalty_card_token,
            outcome,
            data_party,
            data_origin
        from {{ newest_records("src_maple_store_floor__interactions") }}
    ),

    final as (
        select
            source_key,
            interaction_id as source_record_id,
            {{ surrogate_key(["source_key", "'store_interaction'", "interaction_id"]) }}
            as store_interaction_key,
            batch_id,
            {{ surrogate_key(["source_key", "'location'", "store_id"]) }} as location_key,
            store_id,
            associate_id,
            interaction_type,
            sku,
            email_token,
            loyalty_card_token,
            outcome,
            started_at as event_at,
            started_at_local as event_at_local,
            business_date,
            data_party,
            data_origin
        from records
    )

select *
from final
