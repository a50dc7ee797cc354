with

    placements as (
        select count(*) as placement_count from {{ ref("stg_promotions__placements_weekly") }}
    ),

    exposure as (
        select coalesce(sum(placement_count), 0) as placement_count
        from {{ ref("fct_promotion_exposure_weekly") }}
    )

select placements.placement_count, exposure.placement_count as exposed_placement_count
from placements
cross join exposure
where placements.placement_count <> exposure.placement_count
