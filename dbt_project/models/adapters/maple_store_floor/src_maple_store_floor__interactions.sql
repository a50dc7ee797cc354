-- One row per landed contact of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            interaction_id,
            store_id,
            associate_id,
            interaction_type,
            business_date,
            started_at_local,
            started_at,
            sku,
            email_token,
            loyalty_id_token,
            outcome,
            _business_date
        from {{ landed("maple_store_floor", "interactions") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            interaction_id,
            store_id,
            associate_id,
            interaction_type,
            business_date,
            started_at_local,
            started_at,
            sku,
            email_token,
            loyalty_id_token as loyalty_card_token,
            outcome,
            _business_date as landed_business_date,
            {{
                surrogate_key(
                    [
                        "interaction_id",
                        "store_id",
                        "associate_id",
                        "interaction_type",
                        "business_date",
                        "started_at_local",
                        "started_at",
                        "sku",
                        "email_token",
                        "loyalty_id_token",
                        "outcome",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
