{#- The expression is true of every row; a row for which it cannot be told breaks the rule. -#}
{% test rule_holds(model, expression) %}
    select 1 as broken from {{ model }} where not coalesce({{ expression }}, false)
{% endtest %}
