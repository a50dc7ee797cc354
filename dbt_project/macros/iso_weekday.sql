{#- 1 is Monday and 7 is Sunday; the engines' own numbers differ. -#}
{% macro iso_weekday(date_expression) -%}
    {{ return(adapter.dispatch("iso_weekday")(date_expression)) }}
{%- endmacro %}

{% macro default__iso_weekday(date_expression) -%}
    cast(isodow({{ date_expression }}) as {{ dbt.type_int() }})
{%- endmacro %}

{% macro spark__iso_weekday(date_expression) -%}
    cast(weekday({{ date_expression }}) + 1 as int)
{%- endmacro %}
