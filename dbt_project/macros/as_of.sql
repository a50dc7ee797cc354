{#- The business date the data is judged at; models never ask the clock of the machine. -#}
{% macro as_of() -%} (select as_of from {{ ref("int_calendar__as_of") }}) {%- endmacro %}
