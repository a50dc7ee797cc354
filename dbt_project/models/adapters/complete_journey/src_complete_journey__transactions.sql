-- One row per landed till line of every batch, also of superseded ones.
with

    landed as (
        select
            source_key,
            _batch_id,
            household_id_token,
            store_id,
            basket_id,
            product_id,
            quantity,
            sales_value,
            retail_disc,
            coupon_disc,
            coupon_match_disc,
            week,
            transaction_timestamp,
            _business_date
        from {{ landed("complete_journey", "transactions") }}
    ),

    final as (
        select
            source_key,
            _batch_id as batch_id,
            household_id_token as loyalty_card_token,
            store_id,
            basket_id,
            product_id,
            quantity,
            sales_value as net_amount,
            retail_disc as loyalty_discount_amount,
            coupon_disc as manufacturer_coupon_amount,
            coupon_match_disc as coupon_match_amount,
            week,
            transaction_timestamp as completed_at,
            _business_date as landed_business_date
        from landed
    )

select *
from final
