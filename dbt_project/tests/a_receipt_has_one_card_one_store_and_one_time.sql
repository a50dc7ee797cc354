-- The contract of receipts takes the smallest value of each, which is right only while
-- there is a single one.
select transaction_key
from {{ ref("stg_pos__transaction_lines") }}
group by transaction_key
having
    min(loyalty_card_token) <> max(loyalty_card_token)
    or (count(loyalty_card_token) > 0 and count(loyalty_card_token) < count(*))
    or min(store_id) <> max(store_id)
    or min(event_at) <> max(event_at)
