{#-
  The landed entity that a line of accounted_records() takes its records from: the last part of
  its adapter's name, or what the line says, where several adapters share an entity.
-#}
{% macro entity_of(line) -%}
    {{ return(line.entity or line.adapter.split("__")[1]) }}
{%- endmacro %}
