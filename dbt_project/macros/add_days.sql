{#- A date moved by a number of whole days (integer expression, may be negative): a date. -#}
{%- macro add_days(date_expression, days_expression) -%}
    {{ return(adapter.dispatch("add_days", "shopthread")(date_expression, days_expression)) }}
{%- endmacro -%}

{%- macro default__add_days(date_expression, days_expression) -%}
    cast({{ date_expression }} + cast({{ days_expression }} as int) as date)
{%- endmacro -%}

{%- macro spark__add_days(date_expression, days_expression) -%}
    date_add({{ date_expression }}, cast({{ days_expression }} as int))
{%- endmacro -%}
