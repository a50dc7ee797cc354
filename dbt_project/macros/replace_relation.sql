{#- One call and one transaction. dbt's own materialisations make a relation beside the standing
    one, rename both, look up its columns and drop what was, each by a call of its own. -#}
{% macro replace_relation(target_relation, making) -%}
    {%- set standing = load_cached_relation(this) -%}
    {%- if pre_hooks -%} {{ run_hooks(pre_hooks, inside_transaction=True) }} {%- endif -%}
    {%- call statement("main") -%}
        {%- if standing is not none and standing.type != target_relation.type %}
            drop {{ standing.type }} if exists {{ standing }};
        {%- endif %}
        {{ making }}
        {{ comments_on(target_relation, model) }}
    {%- endcall -%}
    {%- if post_hooks -%} {{ run_hooks(post_hooks, inside_transaction=True) }} {%- endif -%}
    {%- do adapter.commit() -%}
    {{ return({"relations": [target_relation]}) }}
{%- endmacro %}
