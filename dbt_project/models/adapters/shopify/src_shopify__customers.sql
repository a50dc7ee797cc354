-- One row per landed account of every list of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            id_token,
            first_name_token,
            last_name_token,
            email_token,
            phone_token,
            state,
            accepts_marketing,
            verified_email,
            created_at,
            updated_at
        from {{ landed("shopify", "customers") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            id_token as shop_customer_token,
            first_name_token as given_name_token,
            last_name_token as family_name_token,
            email_token,
            phone_token,
            state as account_state,
            accepts_marketing as is_marketing_accepted,
            verified_email as is_email_verified,
            created_at,
            updated_at,
            {{
                surrogate_key(
                    [
                        "id_token",
                        "first_name_token",
                        "last_name_token",
                        "email_token",
                        "phone_token",
                        "state",
                        "accepts_marketing",
                        "verified_email",
                        "created_at",
                        "updated_at",
                    ]
                )
            }} as record_hash
        from landed
    )

select *
from final
