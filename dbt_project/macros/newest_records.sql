{#- The records of an adapter that its contract takes: current batches, one version of a key. -#}
{% macro newest_records(adapter) -%}
    (
        select ranked.*
        from {{ ranked_records(adapter) }} as ranked
        where ranked.is_current and ranked.record_rank = 1
    )
{%- endmacro %}
