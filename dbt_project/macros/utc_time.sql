{#- A timestamp read off a zone's clock, in UTC. -#}
{% macro utc_time(local_timestamp, time_zone) -%}
    {{ return(adapter.dispatch("utc_time")(local_timestamp, time_zone)) }}
{%- endmacro %}

{% macro default__utc_time(local_timestamp, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, {{ local_timestamp }}))
{%- endmacro %}

{% macro spark__utc_time(local_timestamp, time_zone) -%}
    to_utc_timestamp({{ local_timestamp }}, {{ time_zone }})
{%- endmacro %}
