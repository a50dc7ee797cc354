-- One row per landed step of an order on its way of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            id,
            order_id,
            fulfillment_method,
            location_id,
            status,
            happened_at,
            tracking_company,
            tracking_number,
            _business_date
        from {{ landed("shopify", "fulfillment_events") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id as fulfillment_event_id,
            order_id,
            fulfillment_method,
            cast(location_id as {{ dbt.type_string() }}) as location_ref,
            status as event_type,
            happened_at,
            tracking_company as carrier,
            tracking_number as tracking_ref,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "id",
                        "order_id",
                        "fulfillment_method",
                        "location_id",
                        "status",
                        "happened_at",
                        "tracking_company",
                        "tracking_number",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
