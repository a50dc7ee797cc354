-- One row per source, entity, contract and measure of the contracts that take records one by
-- one: what landing holds, what of it staging is entitled to drop, and what staging has.
-- A view: it counts what lies in landing at the moment it is asked.
{{ config(materialized="view") }}
{%- set lines = accounted_records() %}
with

    {% for line in lines %}
        {{ line.adapter }} as (
            select
                source_key,
                is_current,
                record_rank,
                record_hash = first_record_hash as is_copy_of_first,
                {% if line.money %} {{ line.currency }}
                {% else %} cast(null as {{ dbt.type_string() }})
                {% endif %} as currency
                {%- for column in line.money or [] %}, {{ column }}{% endfor %}
            from {{ ranked_records(line.adapter) }} as ranked
        ),
    {% endfor %}

    measured as (
        {% for line in lines %}
            {%- for measure in ["rows"] + (line.money or []) %}
                select
                    source_key,
                    '{{ entity_of(line) }}' as entity,
                    '{{ line.contract }}' as contract,
                    '{{ measure }}' as measure,
                    {% if measure == "rows" %} 'rows'
                    {% else %} currency
                    {% endif %} as unit,
                    is_current,
                    record_rank,
                    is_copy_of_first,
                    {% if measure == "rows" %} 1
                    {% else %} {{ measure }}
                    {% endif %} as amount
                from {{ line.adapter }}
                {% if not loop.last %}
                    union all
                {% endif %}
            {%- endfor %}
            {% if not loop.last %}
                union all
            {% endif %}
        {%- endfor %}
    ),

    landed as (
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            cast(sum(amount) as decimal(18, 4)) as landed_value,
            cast(
                sum(
                    case
                        when is_current and record_rank > 1 and is_copy_of_first then amount else 0
                    end
                ) as decimal(18, 4)
            ) as duplicate_value,
            cast(
                sum(
                    case
                        when not is_current
                        then amount
                        when record_rank > 1 and not is_copy_of_first
                        then amount
                        else 0
                    end
                ) as decimal(18, 4)
            ) as superseded_value
        from measured
        group by source_key, entity, contract, measure, unit
    ),

    staged as (
        {% set done = namespace(contracts=[]) %}
        {% for line in lines if line.contract not in done.contracts %}
            {%- set done.contracts = done.contracts + [line.contract] %}
            {%- for measure in ["rows"] + (line.money or []) %}
                select
                    source_key,
                    '{{ line.contract }}' as contract,
                    '{{ measure }}' as measure,
                    {% if measure == "rows" %} 'rows'
                    {% else %} {{ line.currency }}
                    {% endif %} as unit,
                    {% if measure == "rows" %} count(*)
                    {% else %} sum({{ measure }})
                    {% endif %} as staged_value
                from {{ ref(line.contract) }}
                group by source_key{% if measure != "rows" %}, {{ line.currency }}{% endif %}
                {% if not loop.last %}
                    union all
                {% endif %}
            {%- endfor %}
            {% if not loop.last %}
                union all
            {% endif %}
        {%- endfor %}
    ),

    final as (
        select
            coalesce(landed.source_key, staged.source_key) as source_key,
            landed.entity,
            coalesce(landed.contract, staged.contract) as contract,
            coalesce(landed.measure, staged.measure) as measure,
            coalesce(landed.unit, staged.unit) as unit,
            coalesce(landed.landed_value, 0) as landed_value,
            cast(coalesce(staged.staged_value, 0) as decimal(18, 4)) as staged_value,
            coalesce(landed.duplicate_value, 0) as duplicate_value,
            coalesce(landed.superseded_value, 0) as superseded_value
        from landed
        full outer join
            staged
            on landed.source_key = staged.source_key
            and landed.contract = staged.contract
            and landed.measure = staged.measure
            and coalesce(landed.unit, '') = coalesce(staged.unit, '')
    )

select *
from final
