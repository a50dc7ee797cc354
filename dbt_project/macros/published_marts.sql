{#-
    One select per mart that readers get, united: what its YAML says about it and how many
    rows it has. The only macro that writes a table: no model can know the others otherwise.
-#}
{% macro published_marts() -%}
    {%- set nodes = published_mart_nodes() -%}
    {%- for node in nodes -%}
        {%- if node.unique_id != model.unique_id -%}
            {%- if node.unique_id not in model.depends_on.nodes -%}
                {{
                    exceptions.raise_compiler_error(
                        node.name
                        ~ " is published and missing from the list at the top of "
                        ~ model.name
                        ~ ".sql: add it there, so that it is built before it is counted"
                    )
                }}
            {%- endif -%}
        {%- endif -%}
        {%- set meta = node.config.get("meta", {}) %}
        select
            {{ dbt.string_literal(node.schema) }} as mart_schema,
            {{ dbt.string_literal(node.name) }} as mart_name,
            {{ dbt.string_literal(meta.get("grain", []) | join(", ")) }} as grain,
            {{
                dbt.string_literal(
                    dbt.escape_single_quotes(node.description.split() | join(" "))
                )
            }} as what_for,
            {{ dbt.string_literal(meta.get("owner", "")) }} as owner,
            {{ dbt.string_literal(meta.get("personal_data", "")) }} as personal_data,
            {% if node.unique_id == model.unique_id -%}
                cast({{ nodes | length }} as {{ dbt.type_bigint() }})
            {%- else -%} (select count(*) from {{ node.relation_name }})
            {%- endif %} as row_count
        {% if not loop.last -%}
            union all
        {%- endif -%}
    {%- else %}
        select
            cast(null as {{ dbt.type_string() }}) as mart_schema,
            cast(null as {{ dbt.type_string() }}) as mart_name,
            cast(null as {{ dbt.type_string() }}) as grain,
            cast(null as {{ dbt.type_string() }}) as what_for,
            cast(null as {{ dbt.type_string() }}) as owner,
            cast(null as {{ dbt.type_string() }}) as personal_data,
            cast(null as {{ dbt.type_bigint() }}) as row_count
    {%- endfor -%}
{%- endmacro %}
