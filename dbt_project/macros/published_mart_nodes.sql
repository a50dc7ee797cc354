{#- The models readers get, by schema and name, out of dbt's graph. -#}
{% macro published_mart_nodes() -%}
    {%- set schemas = ["customer", "commerce", "journey", "kpi", "quality"] -%}
    {%- set nodes = [] -%}
    {%- if execute and not graph.nodes -%}
        {{
            exceptions.raise_compiler_error(
                "the catalog describes the marts out of dbt's graph, and the graph is empty: "
                ~ "a manifest handed to dbtRunner needs build_flat_graph() first"
            )
        }}
    {%- endif -%}
    {#- While dbt parses it knows no graph, and nothing is built from what it renders. -#}
    {%- for node in (graph.nodes.values() if execute else []) -%}
        {%- if node.resource_type == "model" and node.schema in schemas -%}
            {%- do nodes.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(nodes | sort(attribute="schema,name")) }}
{%- endmacro %}
