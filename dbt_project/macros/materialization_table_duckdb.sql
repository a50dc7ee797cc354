{#- A table of DuckDB in one statement and one transaction. dbt's own makes it beside the
    standing one, renames both and drops what was: five statements for the same result. -#}
{% materialization table, adapter = "duckdb" %}
    {%- set standing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- if pre_hooks -%} {{ run_hooks(pre_hooks, inside_transaction=True) }} {%- endif -%}
    {%- call statement("main") -%}
        {%- if standing is not none and not standing.is_table %}
            drop {{ standing.type }} if exists {{ standing }};
        {%- endif %}
        {%- if config.get("contract").enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace table {{ target_relation }} {{ get_table_columns_and_constraints() }};
            insert into {{ target_relation }} {{ get_column_names() }} (
            {{ get_select_subquery(compiled_code) }}
            );
        {%- else %}
            create or replace table {{ target_relation }} as ({{ compiled_code }});
        {%- endif %}
        {{ comments_on(target_relation, model) }}
    {%- endcall -%}
    {%- if post_hooks -%} {{ run_hooks(post_hooks, inside_transaction=True) }} {%- endif -%}
    {{ adapter.commit() }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
