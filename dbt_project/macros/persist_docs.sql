{#- For seeds, whose materialisation is dbt's own: it would ask the catalogue twice for the
    columns of each. -#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set comments = comments_on(relation, model, for_relation, for_columns) -%}
    {%- if comments -%} {%- do run_query(comments) -%} {%- endif -%}
{%- endmacro %}
