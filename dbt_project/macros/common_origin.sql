{#- The data_origin of a row built from several rows: their common value, else 'mixed'. -#}
{% macro common_origin(data_origin) -%}
    case
        when min({{ data_origin }}) = max({{ data_origin }})
        then min({{ data_origin }})
        when count({{ data_origin }}) > 0
        then 'mixed'
    end
{%- endmacro %}
