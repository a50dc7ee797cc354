-- One row per landed household of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            household_id_token,
            age,
            income,
            home_ownership,
            marital_status,
            household_size,
            household_comp,
            kids_count
        from {{ landed("complete_journey", "demographics") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            household_id_token as loyalty_card_token,
            age as age_band,
            income as income_band,
            home_ownership,
            marital_status,
            household_size,
            household_comp as household_composition,
            kids_count
        from landed
    )

select *
from final
