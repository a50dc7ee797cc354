-- One row per place where customers can buy or where products are placed.
with

    locations as (
        select location_key, store_id, location_type, time_zone, has_placements, data_origin
        from {{ ref("stg_location__locations") }}
    ),

    final as (
        select
            location_key,
            store_id,
            'Store ' || cast(store_id as {{ dbt.type_string() }}) as location_name,
            location_type,
            time_zone,
            has_placements,
            data_origin
        from locations
    )

select *
from final
