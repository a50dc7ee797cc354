{#- The day a till would print: the date in the location's own zone, not in UTC. -#}
{% macro business_date(utc_timestamp, time_zone) -%}
    cast({{ local_time(utc_timestamp, time_zone) }} as date)
{%- endmacro %}
