{#- The column names a row: no two rows share a value, and no row is without one. -#}
{% test names_its_rows(model, column_name) %}
    select {{ column_name }}, count(*) as row_count
    from {{ model }}
    group by {{ column_name }}
    having count(*) > 1 or {{ column_name }} is null
{% endtest %}
