-- One row per batch of the contracts that take records one by one: its rows in landing.
-- A view: it counts what lies in landing at the moment it is asked.
{{ config(materialized="view") }}
with

    counted as (
        {% for line in accounted_records() %}
            select source_key, batch_id, '{{ entity_of(line) }}' as entity, count(*) as landed_rows
            from {{ ref(line.adapter) }}
            group by source_key, batch_id
            {% if not loop.last %}
                union all
            {% endif %}
        {%- endfor %}
    ),

    final as (
        select source_key, entity, batch_id, cast(sum(landed_rows) as bigint) as counted_landed_rows
        from counted
        group by source_key, entity, batch_id
    )

select *
from final
