{#- The key of an identifier that belongs to one owner for ever: it has a single slice. -#}
{% macro node_key(identifier_type, token) -%}
    {{ surrogate_key([identifier_type, token, "'0001-01-01'"]) }}
{%- endmacro %}
