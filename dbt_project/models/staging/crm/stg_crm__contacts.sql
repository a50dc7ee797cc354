-- One row per household whose demographics are known.
{{ config(meta={"accepted_batches_of": ["demographics"]}) }}
with

    landed_contacts as (
        select
            source_key,
            batch_id,
            loyalty_card_token,
            age_band,
            income_band,
            home_ownership,
            marital_status,
            household_size,
            household_composition,
            kids_count
        from {{ ref("src_complete_journey__demographics") }}
    ),

    current_batches as (
        select source_key, batch_id, data_party, data_origin
        from {{ ref("src_shopthread__batches") }}
        where entity = 'demographics' and is_current
    ),

    contacts as (
        select distinct
            landed_contacts.source_key,
            landed_contacts.batch_id,
            landed_contacts.loyalty_card_token,
            landed_contacts.age_band,
            landed_contacts.income_band,
            landed_contacts.home_ownership,
            landed_contacts.marital_status,
            landed_contacts.household_size,
            landed_contacts.household_composition,
            landed_contacts.kids_count,
            current_batches.data_party,
            current_batches.data_origin
        from landed_contacts
        inner join
            current_batches
            on landed_contacts.source_key = current_batches.source_key
            and landed_contacts.batch_id = current_batches.batch_id
    ),

    final as (
        select
            source_key,
            loyalty_card_token as source_record_id,
            {{ surrogate_key(["source_key", "'contact'", "loyalty_card_token"]) }} as contact_key,
            batch_id,
            loyalty_card_token,
            age_band,
            income_band,
            home_ownership,
            marital_status,
            household_size,
            household_composition,
            kids_count,
            data_party,
            data_origin
        from contacts
    )

select *
from final
