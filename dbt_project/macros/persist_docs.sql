{#- In place of dbt's own, which asks the catalogue twice for the columns of each relation and
    sends two statements: a third of what a small model cost. Column docs are of columns that
    exist, because contracts are enforced; a view that documents another one fails here. -#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set comments = comments_on(relation, model, for_relation, for_columns) -%}
    {%- if comments -%} {%- do run_query(comments) -%} {%- endif -%}
{%- endmacro %}
