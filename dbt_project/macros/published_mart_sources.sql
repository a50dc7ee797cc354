{#-
    One row per mart and landed entity it is built from, however many models lie between,
    as `values`. Quality marts are left out: they tell about late sources and are not late
    themselves.
-#}
{% macro published_mart_sources() -%}
    {%- set configured = [] -%}
    {%- for source_keys in var("sources").values() -%}
        {%- do configured.extend(source_keys) -%}
    {%- endfor -%}
    {%- set pairs = [] -%}
    {%- for mart in published_mart_nodes() if mart.schema != "quality" -%}
        {%- set reached = [] -%}
        {%- set waiting = mart.depends_on.nodes | list -%}
        {#- `waiting` grows while it is read: a walk over all ancestors. -#}
        {%- for unique_id in waiting if unique_id not in reached -%}
            {%- do reached.append(unique_id) -%}
            {%- if unique_id in graph.sources -%}
                {%- set source_node = graph.sources[unique_id] -%}
                {%- if source_node.source_name in configured -%}
                    {%- do pairs.append(
                        "('"
                        ~ mart.name
                        ~ "', '"
                        ~ source_node.source_name
                        ~ "', '"
                        ~ source_node.name
                        ~ "')"
                    ) -%}
                {%- endif -%}
            {%- elif unique_id in graph.nodes -%}
                {%- do waiting.extend(graph.nodes[unique_id].depends_on.nodes) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(pairs | sort | join(", ") or "(null, null, null)") }}
{%- endmacro %}
