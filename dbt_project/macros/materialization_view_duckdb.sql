{#- A view of DuckDB in one statement and one transaction, as a table is made. -#}
{% materialization view, adapter = "duckdb" %}
    {%- set standing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type="view") -%}
    {%- if pre_hooks -%} {{ run_hooks(pre_hooks, inside_transaction=True) }} {%- endif -%}
    {%- call statement("main") -%}
        {%- if standing is not none and not standing.is_view %}
            drop {{ standing.type }} if exists {{ standing }};
        {%- endif %}
        {%- if config.get("contract").enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
        {%- endif %}
        create or replace view {{ target_relation }} as ({{ compiled_code }});
        {{ comments_on(target_relation, model) }}
    {%- endcall -%}
    {%- if post_hooks -%} {{ run_hooks(post_hooks, inside_transaction=True) }} {%- endif -%}
    {{ adapter.commit() }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
