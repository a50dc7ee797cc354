-- One row per channel in which a retailer and a person can meet, also those without a
-- source yet.
with

    channels as (
        select channel_key, channel_name, channel_group, medium, is_paid, is_digital
        from {{ ref("channels") }}
    ),

    final as (
        select channel_key, channel_name, channel_group, medium, is_paid, is_digital from channels
    )

select *
from final
