-- One row per step of an order on its way to the customer.
{{ config(meta={"accepted_batches_of": ["fulfillment_events"]}) }}
with

    steps as (
        select
            source_key,
            batch_id,
            fulfillment_event_id,
            order_id,
            fulfillment_method,
            location_ref,
            event_type,
            happened_at,
            carrier,
            tracking_ref,
            data_party,
            time_zone,
            data_origin
        from {{ newest_records("src_shopify__fulfillment_events") }}
    ),

    final as (
        select
            source_key,
            cast(fulfillment_event_id as {{ dbt.type_string() }}) as source_record_id,
            {{ surrogate_key(["source_key", "'fulfillment_event'", "fulfillment_event_id"]) }}
            as fulfillment_event_key,
            batch_id,
            {{ surrogate_key(["source_key", "'order'", "order_id"]) }} as order_key,
            happened_at as event_at,
            {{ local_time("happened_at", "time_zone") }} as event_at_local,
            time_zone,
            {{ business_date("happened_at", "time_zone") }} as business_date,
            event_type,
            fulfillment_method,
            location_ref,
            carrier,
            tracking_ref,
            data_party,
            data_origin
        from steps
    )

select *
from final
