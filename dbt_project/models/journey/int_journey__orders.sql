-- One row per order placed in any channel, tied to the node of its identifier and never to
-- a customer.
with

    transactions as (
        select
            source_key,
            transaction_key,
            location_key,
            loyalty_card_token,
            completed_at,
            business_date,
            time_zone,
            currency,
            gross_amount,
            retailer_discount_amount,
            net_amount,
            manufacturer_coupon_amount,
            paid_amount,
            line_count,
            data_origin
        from {{ ref("stg_pos__transactions") }}
        where transaction_type = 'sale'
    ),

    lines as (
        select transaction_key, product_key, quantity from {{ ref("stg_pos__transaction_lines") }}
    ),

    products as (select product_key, is_volume_measured from {{ ref("stg_catalog__products") }}),

    -- Goods measured by volume have a quantity but no pieces.
    unit_counts as (
        select
            lines.transaction_key,
            cast(
                sum(
                    case
                        when coalesce(products.is_volume_measured, false) then 0 else lines.quantity
                    end
                ) as bigint
            ) as unit_count
        from lines
        left join products on lines.product_key = products.product_key
        group by lines.transaction_key
    ),

    final as (
        select
            -- A receipt of the till is an order: it keeps its key.
            transactions.transaction_key as order_key,
            'pos' as order_source,
            case
                when transactions.loyalty_card_token is not null
                then {{ node_key("'loyalty_card'", "transactions.loyalty_card_token") }}
            end as node_key,
            transactions.location_key,
            'store' as channel_key,
            transactions.completed_at as ordered_at,
            transactions.business_date,
            transactions.time_zone,
            transactions.currency,
            transactions.gross_amount,
            transactions.retailer_discount_amount,
            transactions.net_amount,
            transactions.manufacturer_coupon_amount,
            transactions.paid_amount,
            transactions.line_count,
            coalesce(unit_counts.unit_count, 0) as unit_count,
            transactions.source_key,
            transactions.data_origin
        from transactions
        left join unit_counts on transactions.transaction_key = unit_counts.transaction_key
    )

select *
from final
