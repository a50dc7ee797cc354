-- One row: the business date the data is judged at. A view, so that it follows the ledger
-- without a build of its own.
{{ config(materialized="view", meta={"accepted_batches_of": ["*"]}) }}
with

    batches as (
        select source_key, entity, business_date
        from {{ ref("src_shopthread__batches") }}
        where verdict = 'accepted' and is_required and is_partitioned
    ),

    parameters as (select as_of_override from {{ ref("src_shopthread__parameters") }}),

    newest_dates as (
        select source_key, entity, max(business_date) as newest_date
        from batches
        group by source_key, entity
    ),

    -- The slowest required source decides: behind its newest day nothing is complete.
    complete as (select min(newest_date) as complete_date from newest_dates),

    override as (select max(as_of_override) as as_of_override from parameters),

    final as (
        select coalesce(override.as_of_override, complete.complete_date) as as_of
        from complete
        cross join override
    )

select *
from final
