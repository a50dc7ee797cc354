{% materialization table, adapter = "duckdb" %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set making -%}
        {%- if config.get("contract").enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace table {{ target_relation }} {{ get_table_columns_and_constraints() }};
            insert into {{ target_relation }} {{ get_column_names() }} (
            {{ get_select_subquery(compiled_code) }}
            );
        {%- else %}
            create or replace table {{ target_relation }} as ({{ compiled_code }});
        {%- endif %}
    {%- endset -%}
    {{ return(replace_relation(target_relation, making)) }}
{% endmaterialization %}
