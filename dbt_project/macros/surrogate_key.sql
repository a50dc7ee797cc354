{#- One key out of the parts of a natural key: equal parts give equal keys on every engine. -#}
{% macro surrogate_key(parts) -%}
    md5(
        {%- for part in parts %}
            coalesce(cast({{ part }} as {{ dbt.type_string() }}), '')
            {%- if not loop.last %} || '|' || {% endif -%}
        {%- endfor %}
    )
{%- endmacro %}
