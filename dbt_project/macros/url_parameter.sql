{#- The value of a parameter in the query of an address, as it is written; nothing where it is empty. -#}
{% macro url_parameter(url, name) -%}
    nullif(
        split_part(
            split_part(replace(split_part({{ url }}, '#', 1), '?', '&'), '&{{ name }}=', 2), '&', 1
        ),
        ''
    )
{%- endmacro %}
