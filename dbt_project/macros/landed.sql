{#- What all configured sources of a vendor landed for an entity, each row with its source. -#}
{% macro landed(vendor, entity) -%}
    {%- set source_keys = var("sources").get(vendor, []) -%}
    {%- if source_keys | length == 0 -%}
        {{
            exceptions.raise_compiler_error(
                "no source of vendor '"
                ~ vendor
                ~ "' is configured: name at least one under vars.sources in dbt_project.yml"
            )
        }}
    {%- endif -%}
    (
        {%- for source_key in source_keys %}
            select '{{ source_key }}' as source_key, landed_rows.*
            from {{ source(source_key, entity) }} as landed_rows
            {%- if not loop.last %}
                union all
            {%- endif -%}
        {%- endfor %}
    )
{%- endmacro %}
