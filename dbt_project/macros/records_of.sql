{#- The line of accounted_records() that belongs to an adapter. -#}
{% macro records_of(adapter) -%}
    {%- for line in accounted_records() if line.adapter == adapter -%}
        {{ return(line) }}
    {%- endfor -%}
    {{
        exceptions.raise_compiler_error(
            adapter
            ~ " is not in accounted_records(): add its line to macros/accounted_records.sql"
        )
    }}
{%- endmacro %}
