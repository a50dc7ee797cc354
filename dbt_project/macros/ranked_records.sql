{#-
  Every landed record of an adapter with what its batch is, and its rank among the versions of
  the same key: the highest version, then the highest content hash, is first.
-#}
{% macro ranked_records(adapter) -%}
    {%- set line = records_of(adapter) -%}
    {%- set order -%}
        partition by records.source_key, batches.is_current
        {%- for column in line.key %}, records.{{ column }}{% endfor %}
        order by
            {% if line.version %}records.{{ line.version }} desc nulls last,{% endif %}
            records.record_hash desc nulls last,
            records.batch_id nulls last
    {%- endset -%}
    (
        select
            records.*,
            batches.is_current,
            batches.data_party,
            batches.time_zone,
            batches.data_origin,
            row_number() over ({{ order }}) as record_rank,
            first_value(records.record_hash) over ({{ order }}) as first_record_hash
        from {{ ref(adapter) }} as records
        inner join
            {{ ref("src_shopthread__batches") }} as batches
            on records.source_key = batches.source_key
            and records.batch_id = batches.batch_id
            and batches.entity = '{{ entity_of(line) }}'
            and batches.verdict = 'accepted'
    )
{%- endmacro %}
