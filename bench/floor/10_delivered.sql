-- What was delivered, typed and without exact duplicates; read once, kept for this session.
-- Variables: panel and seeds (folders), first_day and last_day (the calendar). The table
-- `cards` (household_id, token) is there already.

-- A zone costs more than a join: each moment is put on the stores' clock once.
create temp table moments as
select
    moment,
    cast(timezone('America/New_York', timezone('UTC', moment)) as date) as business_date
from
    (
        select distinct transaction_timestamp as moment
        from read_parquet(getvariable('panel') || '/transactions.parquet')
    );

create temp table catalogue as
select distinct
    product_id,
    manufacturer_id,
    department,
    brand as brand_type,
    product_category as category,
    product_type,
    package_size,
    coalesce(product_type like 'GASOLINE%', false) as is_volume_measured
from read_parquet(getvariable('panel') || '/products.parquet');

create temp table lines as
select distinct
    delivered.basket_id,
    delivered.product_id,
    delivered.household_id,
    delivered.store_id,
    delivered.quantity,
    delivered.week,
    delivered.transaction_timestamp as completed_at,
    moments.business_date,
    cast(delivered.sales_value as decimal(18, 2)) as net_amount,
    cast(delivered.retail_disc as decimal(18, 2)) as loyalty_discount_amount,
    cast(delivered.coupon_disc as decimal(18, 2)) as manufacturer_coupon_amount,
    cast(delivered.coupon_match_disc as decimal(18, 2)) as coupon_match_amount
from read_parquet(getvariable('panel') || '/transactions.parquet') as delivered
inner join moments on delivered.transaction_timestamp = moments.moment
where moments.business_date between getvariable('first_day') and getvariable('last_day');

set variable as_of = (select max(business_date) from lines);

create temp table sends as
select distinct campaign_id, household_id
from read_parquet(getvariable('panel') || '/campaigns.parquet');

create temp table campaigns as
select distinct
    campaign_id,
    replace(campaign_type, 'Type ', '') as campaign_type,
    cast(start_date as date) as starts_on,
    cast(end_date as date) as ends_on
from read_parquet(getvariable('panel') || '/campaign_descriptions.parquet');

create temp table coupons as
select distinct coupon_upc, campaign_id, product_id
from read_parquet(getvariable('panel') || '/coupons.parquet');

create temp table redemptions as
select distinct household_id, coupon_upc, campaign_id, cast(redemption_date as date) as redeemed_on
from read_parquet(getvariable('panel') || '/coupon_redemptions.parquet');

create temp table contacts as
select distinct *
from read_parquet(getvariable('panel') || '/demographics.parquet');
