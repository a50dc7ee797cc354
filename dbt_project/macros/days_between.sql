{#- Whole days from the first date to the second; negative when the second is earlier. -#}
{% macro days_between(first_date, second_date) -%}
    {{ return(adapter.dispatch("days_between")(first_date, second_date)) }}
{%- endmacro %}

{% macro default__days_between(first_date, second_date) -%}
    cast({{ dbt.datediff(first_date, second_date, "day") }} as {{ dbt.type_bigint() }})
{%- endmacro %}

{% macro spark__days_between(first_date, second_date) -%}
    cast(datediff({{ second_date }}, {{ first_date }}) as bigint)
{%- endmacro %}
