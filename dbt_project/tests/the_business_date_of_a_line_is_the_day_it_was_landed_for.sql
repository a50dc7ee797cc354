-- Landing cuts partitions and staging computes dates, both in the stores' zone: if one of
-- them used UTC, 250,533 of the panel's 1,469,307 lines would change day (2026-11).
select lines.transaction_line_key
from {{ ref("stg_pos__transaction_lines") }} as lines
inner join
    {{ ref("src_shopthread__batches") }} as batches
    on lines.source_key = batches.source_key
    and lines.batch_id = batches.batch_id
where lines.business_date <> batches.business_date
