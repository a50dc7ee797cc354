{% materialization view, adapter = "duckdb" %}
    {%- set target_relation = this.incorporate(type="view") -%}
    {%- set making -%}
        {%- if config.get("contract").enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
        {%- endif %}
        create or replace view {{ target_relation }} as ({{ compiled_code }});
    {%- endset -%}
    {{ return(replace_relation(target_relation, making)) }}
{% endmaterialization %}
