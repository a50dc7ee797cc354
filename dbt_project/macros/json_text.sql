{#- A scalar at a JSONPath of a JSON text, as text without quotes; nothing where there is none. -#}
{% macro json_text(json, path) -%}
    {{ return(adapter.dispatch("json_text")(json, path)) }}
{%- endmacro %}

{% macro default__json_text(json, path) -%}
    json_extract_string({{ json }}, '{{ path }}')
{%- endmacro %}

{% macro spark__json_text(json, path) -%} get_json_object({{ json }}, '{{ path }}') {%- endmacro %}
