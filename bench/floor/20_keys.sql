-- Keys, made once per thing and not once per row that names it. A record of the panel names
-- one card and nothing else, so a card is a customer and its anchor.

create temp table customers as
select
    household_id,
    token,
    md5('customer|loyalty_card|' || token || '|0001-01-01') as customer_key
from cards;

create temp table product_keys as
select product_id, md5('complete_journey|product|' || product_id) as product_key
from
    (
        select product_id from catalogue
        union
        select product_id from lines
        union
        select product_id from coupons
    );

create temp table location_keys as
select store_id, md5('complete_journey|location|' || store_id) as location_key
from
    (
        select store_id from lines
        union
        select distinct store_id
        from read_parquet(getvariable('panel') || '/promotions.parquet')
    );

create temp table campaign_keys as
select campaign_id, md5('complete_journey|campaign|' || campaign_id) as campaign_key
from
    (
        select campaign_id from campaigns
        union
        select campaign_id from coupons
        union
        select campaign_id from sends
        union
        select campaign_id from redemptions
    );

create temp table coupon_keys as
select
    coupon_upc,
    campaign_id,
    md5('complete_journey|coupon|' || coupon_upc || '|' || campaign_id) as coupon_key
from
    (
        select coupon_upc, campaign_id from coupons
        union
        select coupon_upc, campaign_id from redemptions
    );

-- One row per receipt. Units leave out what is sold by volume.
create temp table baskets as
select
    lines.basket_id,
    md5('complete_journey|transaction|' || lines.basket_id) as order_key,
    min(lines.household_id) as household_id,
    min(lines.store_id) as store_id,
    min(lines.completed_at) as completed_at,
    min(lines.business_date) as business_date,
    sum(lines.net_amount) as net_amount,
    sum(lines.loyalty_discount_amount) as loyalty_discount_amount,
    sum(lines.coupon_match_amount) as coupon_match_amount,
    sum(lines.manufacturer_coupon_amount) as manufacturer_coupon_amount,
    count(*) as line_count,
    sum(case when catalogue.is_volume_measured then 0 else lines.quantity end) as unit_count
from lines
left join catalogue on lines.product_id = catalogue.product_id
group by lines.basket_id;

create temp table redeemed as
select
    redemptions.*,
    customers.customer_key,
    md5(
        'complete_journey|coupon_event|redeemed|'
        || redemptions.coupon_upc
        || '|'
        || redemptions.campaign_id
        || '|'
        || redemptions.redeemed_on
        || '|'
        || customers.token
    ) as coupon_event_key
from redemptions
inner join customers on redemptions.household_id = customers.household_id;
