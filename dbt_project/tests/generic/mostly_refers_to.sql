{#-
    The column names rows of another entity's contract, apart from at most a small share:
    entities are delivered apart, and where one is refused its last good state is served,
    which may lag behind. An entity that never landed cannot be referred to at all, and
    that is the business of its own checks.
-#}
{% test mostly_refers_to(model, column_name, to, field, max_missing_share) %}
    with

        referring as (
            select {{ column_name }} as reference_key
            from {{ model }}
            where {{ column_name }} is not null
        ),

        referred as (select distinct {{ field }} as reference_key from {{ to }}),

        counted as (
            select
                count(*) as reference_count,
                count(case when referred.reference_key is null then 1 end) as missing_count
            from referring
            left join referred on referring.reference_key = referred.reference_key
        )

    select reference_count, missing_count
    from counted
    where
        missing_count > {{ max_missing_share }} * reference_count
        and exists (select 1 from referred)
{% endtest %}
