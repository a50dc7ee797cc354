-- One row per batch that the ledger settled or that landing holds rows of.
-- A view: it counts what lies in landing at the moment it is asked.
{{ config(materialized="view") }}
with

    batches as (
        select
            batch_id,
            source_key,
            vendor,
            entity,
            verdict,
            is_current,
            physical_rows,
            landed_rows,
            quarantined_rows,
            data_origin
        from {{ ref("src_shopthread__batches") }}
    ),

    quarantined as (
        select batch_id, sum(row_count) as counted_quarantined_rows
        from {{ ref("src_shopthread__quarantined_rows") }}
        group by batch_id
    ),

    landed as (
        select source_key, batch_id, 'transactions' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__transactions") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, 'products' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__products") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, 'demographics' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__demographics") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, 'campaigns' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__campaigns") }}
        group by source_key, batch_id
        union all
        select
            source_key, batch_id, 'campaign_descriptions' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__campaign_descriptions") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, 'coupons' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__coupons") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, 'coupon_redemptions' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__coupon_redemptions") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, 'promotions' as entity, count(*) as counted_landed_rows
        from {{ ref("src_complete_journey__promotions") }}
        group by source_key, batch_id
        union all
        select source_key, batch_id, entity, counted_landed_rows
        from {{ ref("int_accounting__counted") }}
    ),

    -- A batch that landing holds and the ledger does not know stays in sight: its rows
    -- balance with nothing and close the gate.
    joined as (
        select
            coalesce(batches.batch_id, landed.batch_id) as batch_id,
            coalesce(batches.source_key, landed.source_key) as source_key,
            batches.vendor,
            coalesce(batches.entity, landed.entity) as entity,
            coalesce(batches.verdict, 'unknown') as verdict,
            coalesce(batches.is_current, false) as is_current,
            coalesce(batches.physical_rows, 0) as physical_rows,
            coalesce(batches.landed_rows, 0) as landed_rows,
            coalesce(batches.quarantined_rows, 0) as quarantined_rows,
            coalesce(landed.counted_landed_rows, 0) as counted_landed_rows,
            batches.data_origin
        from batches
        full outer join
            landed
            on batches.batch_id = landed.batch_id
            and batches.source_key = landed.source_key
            and batches.entity = landed.entity
    ),

    final as (
        select
            joined.source_key,
            joined.vendor,
            joined.entity,
            joined.batch_id,
            joined.verdict,
            joined.is_current,
            cast(joined.physical_rows as bigint) as physical_rows,
            cast(joined.landed_rows as bigint) as landed_rows,
            cast(joined.quarantined_rows as bigint) as quarantined_rows,
            cast(joined.counted_landed_rows as bigint) as counted_landed_rows,
            cast(
                coalesce(quarantined.counted_quarantined_rows, 0) as bigint
            ) as counted_quarantined_rows,
            joined.landed_rows = joined.counted_landed_rows
            and joined.quarantined_rows = coalesce(quarantined.counted_quarantined_rows, 0)
            and joined.physical_rows
            = joined.counted_landed_rows
            + coalesce(quarantined.counted_quarantined_rows, 0) as is_balanced,
            joined.data_origin
        from joined
        left join quarantined on joined.batch_id = quarantined.batch_id
    )

select *
from final
