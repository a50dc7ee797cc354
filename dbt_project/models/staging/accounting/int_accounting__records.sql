-- One row per source, entity, contract and measure of the contracts that take records one by
-- one: what landing holds, and what of it staging is entitled to drop.
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
                    '{{ line.adapter.split("__")[1] }}' as entity,
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
        {%- else %}
            select
                cast(null as {{ dbt.type_string() }}) as source_key,
                cast(null as {{ dbt.type_string() }}) as entity,
                cast(null as {{ dbt.type_string() }}) as contract,
                cast(null as {{ dbt.type_string() }}) as measure,
                cast(null as {{ dbt.type_string() }}) as unit,
                cast(null as boolean) as is_current,
                cast(null as bigint) as record_rank,
                cast(null as boolean) as is_copy_of_first,
                cast(null as decimal(18, 4)) as amount
            where 1 = 0
        {%- endfor %}
    ),

    final as (
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
    )

select *
from final
