{% macro comments_on(relation, model, for_relation=true, for_columns=true) -%}
    {%- set comments = [] -%}
    {%- if for_relation and config.persist_relation_docs() and model.description -%}
        {%- do comments.append(duckdb__alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() -%}
        {%- for name, column in model.columns.items() if column.description -%}
            {%- do comments.append(
                "comment on column "
                ~ relation
                ~ "."
                ~ (adapter.quote(name) if column.quote else name)
                ~ " is "
                ~ duckdb_escape_comment(column.description)
                ~ ";"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(comments | join("\n")) }}
{%- endmacro %}
