-- One row per source, entity, contract it feeds and measure: what landing holds, and what
-- of it staging is entitled to drop, each counted for itself.
-- A view: it counts what lies in landing at the moment it is asked.
{{ config(materialized="view") }}
with

    -- Other vendors' records are accounted for one by one, in int_accounting__records. A batch
    -- that the ledger does not know has no vendor and closes the gate wherever it turns up.
    batches as (
        select batch_id, source_key, entity, verdict, is_current, counted_landed_rows
        from {{ ref("int_accounting__batches") }}
        where vendor = 'complete_journey' or vendor is null
    ),

    till_lines as (
        select
            source_key,
            batch_id,
            loyalty_card_token,
            store_id,
            basket_id,
            product_id,
            quantity,
            net_amount,
            loyalty_discount_amount,
            manufacturer_coupon_amount,
            coupon_match_amount,
            week,
            completed_at
        from {{ ref("src_complete_journey__transactions") }}
    ),

    -- The contract an entity's rows go to one by one.
    row_contracts as (
        select 'transactions' as entity, 'stg_pos__transaction_lines' as contract
        union all
        select 'products' as entity, 'stg_catalog__products' as contract
        union all
        select 'demographics' as entity, 'stg_crm__contacts' as contract
        union all
        select 'campaigns' as entity, 'stg_mail__sends' as contract
        union all
        select 'campaign_descriptions' as entity, 'stg_mail__campaigns' as contract
        union all
        select 'coupons' as entity, 'stg_coupons__eligible_products' as contract
        union all
        select 'coupon_redemptions' as entity, 'stg_coupons__events' as contract
        union all
        select 'promotions' as entity, 'stg_promotions__placements_weekly' as contract
    ),

    copies_of_transactions as (
        select
            'transactions' as entity,
            source_key,
            batch_id,
            net_amount,
            loyalty_discount_amount,
            manufacturer_coupon_amount,
            coupon_match_amount,
            count(*) - 1 as surplus_copies
        from till_lines
        group by
            source_key,
            batch_id,
            loyalty_card_token,
            store_id,
            basket_id,
            product_id,
            quantity,
            net_amount,
            loyalty_discount_amount,
            manufacturer_coupon_amount,
            coupon_match_amount,
            week,
            completed_at
        having count(*) > 1
    ),

    copies_of_products as (
        select 'products' as entity, source_key, batch_id, count(*) - 1 as surplus_copies
        from {{ ref("src_complete_journey__products") }}
        group by
            source_key,
            batch_id,
            product_id,
            manufacturer_id,
            department,
            brand_type,
            category,
            product_type,
            package_size
        having count(*) > 1
    ),

    copies_of_demographics as (
        select 'demographics' as entity, source_key, batch_id, count(*) - 1 as surplus_copies
        from {{ ref("src_complete_journey__demographics") }}
        group by
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
        having count(*) > 1
    ),

    copies_of_campaigns as (
        select 'campaigns' as entity, source_key, batch_id, count(*) - 1 as surplus_copies
        from {{ ref("src_complete_journey__campaigns") }}
        group by source_key, batch_id, campaign_id, loyalty_card_token
        having count(*) > 1
    ),

    copies_of_campaign_descriptions as (
        select
            'campaign_descriptions' as entity, source_key, batch_id, count(*) - 1 as surplus_copies
        from {{ ref("src_complete_journey__campaign_descriptions") }}
        group by source_key, batch_id, campaign_id, campaign_type_label, starts_on, ends_on
        having count(*) > 1
    ),

    copies_of_coupons as (
        select 'coupons' as entity, source_key, batch_id, count(*) - 1 as surplus_copies
        from {{ ref("src_complete_journey__coupons") }}
        group by source_key, batch_id, coupon_upc, product_id, campaign_id
        having count(*) > 1
    ),

    copies_of_coupon_redemptions as (
        select 'coupon_redemptions' as entity, source_key, batch_id, count(*) - 1 as surplus_copies
        from {{ ref("src_complete_journey__coupon_redemptions") }}
        group by source_key, batch_id, loyalty_card_token, coupon_upc, campaign_id, redeemed_on
        having count(*) > 1
    ),

    -- Promotions are missing here: their contract keeps every placement, also equal ones.
    copies as (
        select entity, source_key, batch_id, surplus_copies
        from copies_of_products
        union all
        select entity, source_key, batch_id, surplus_copies
        from copies_of_demographics
        union all
        select entity, source_key, batch_id, surplus_copies
        from copies_of_campaigns
        union all
        select entity, source_key, batch_id, surplus_copies
        from copies_of_campaign_descriptions
        union all
        select entity, source_key, batch_id, surplus_copies
        from copies_of_coupons
        union all
        select entity, source_key, batch_id, surplus_copies
        from copies_of_coupon_redemptions
        union all
        select entity, source_key, batch_id, surplus_copies
        from copies_of_transactions
    ),

    copies_by_batch as (
        select entity, source_key, batch_id, sum(surplus_copies) as surplus_rows
        from copies
        group by entity, source_key, batch_id
    ),

    -- What cannot be told from the ledger (`not_mapped`) is no batch of ours: no contract
    -- may take it.
    row_parts as (
        select
            batches.source_key,
            batches.entity,
            row_contracts.contract,
            'rows' as measure,
            'rows' as unit,
            sum(batches.counted_landed_rows) as landed_value,
            sum(
                case
                    when batches.is_current then coalesce(copies_by_batch.surplus_rows, 0) else 0
                end
            ) as duplicate_value,
            sum(
                case
                    when batches.verdict = 'accepted' and not batches.is_current
                    then batches.counted_landed_rows
                    else 0
                end
            ) as superseded_value,
            sum(
                case when batches.verdict <> 'accepted' then batches.counted_landed_rows else 0 end
            ) as not_mapped_value
        from batches
        inner join row_contracts on batches.entity = row_contracts.entity
        left join
            copies_by_batch
            on batches.source_key = copies_by_batch.source_key
            and batches.entity = copies_by_batch.entity
            and batches.batch_id = copies_by_batch.batch_id
        group by batches.source_key, batches.entity, row_contracts.contract
    ),

    -- Contracts that gather several rows into one thing count the things each batch names;
    -- a thing named by several current batches is staged once.
    named_things as (
        select distinct
            source_key,
            batch_id,
            'transactions' as entity,
            'stg_pos__transactions' as contract,
            'baskets' as measure,
            cast(basket_id as {{ dbt.type_string() }}) as thing
        from till_lines
        union all
        select distinct
            source_key,
            batch_id,
            'coupons' as entity,
            'stg_coupons__definitions' as contract,
            'coupons' as measure,
            cast(coupon_upc as {{ dbt.type_string() }})
            || '|'
            || cast(campaign_id as {{ dbt.type_string() }}) as thing
        from {{ ref("src_complete_journey__coupons") }}
        union all
        select distinct
            source_key,
            batch_id,
            'transactions, promotions' as entity,
            'stg_location__locations' as contract,
            'stores' as measure,
            cast(store_id as {{ dbt.type_string() }}) as thing
        from till_lines
        union all
        select distinct
            source_key,
            batch_id,
            'transactions, promotions' as entity,
            'stg_location__locations' as contract,
            'stores' as measure,
            cast(store_id as {{ dbt.type_string() }}) as thing
        from {{ ref("src_complete_journey__promotions") }}
    ),

    judged_things as (
        select
            named_things.source_key,
            named_things.entity,
            named_things.contract,
            named_things.measure,
            named_things.thing,
            count(*) as landed_count,
            sum(case when batches.is_current then 1 else 0 end) as current_count,
            sum(
                case when batches.verdict = 'accepted' and not batches.is_current then 1 else 0 end
            ) as superseded_count,
            sum(case when batches.verdict <> 'accepted' then 1 else 0 end) as not_mapped_count
        from named_things
        inner join
            batches
            on named_things.source_key = batches.source_key
            and named_things.batch_id = batches.batch_id
        group by
            named_things.source_key,
            named_things.entity,
            named_things.contract,
            named_things.measure,
            named_things.thing
    ),

    thing_parts as (
        select
            source_key,
            entity,
            contract,
            measure,
            measure as unit,
            sum(landed_count) as landed_value,
            sum(case when current_count > 1 then current_count - 1 else 0 end) as duplicate_value,
            sum(superseded_count) as superseded_value,
            sum(not_mapped_count) as not_mapped_value
        from judged_things
        group by source_key, entity, contract, measure
    ),

    till_amounts as (
        select
            source_key,
            batch_id,
            sum(net_amount) as net_amount,
            sum(loyalty_discount_amount) as loyalty_discount_amount,
            sum(coupon_match_amount) as coupon_match_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount
        from till_lines
        group by source_key, batch_id
    ),

    surplus_till_amounts as (
        select
            source_key,
            batch_id,
            sum(surplus_copies * net_amount) as net_amount,
            sum(surplus_copies * loyalty_discount_amount) as loyalty_discount_amount,
            sum(surplus_copies * coupon_match_amount) as coupon_match_amount,
            sum(surplus_copies * manufacturer_coupon_amount) as manufacturer_coupon_amount
        from copies_of_transactions
        group by source_key, batch_id
    ),

    money_measures as (
        select 'gross_amount' as measure
        union all
        select 'retailer_discount_amount' as measure
        union all
        select 'net_amount' as measure
        union all
        select 'manufacturer_coupon_amount' as measure
    ),

    till_money as (
        select
            batches.source_key,
            batches.verdict,
            batches.is_current,
            money_measures.measure,
            case
                money_measures.measure
                when 'gross_amount'
                then
                    till_amounts.net_amount
                    + till_amounts.loyalty_discount_amount
                    + till_amounts.coupon_match_amount
                when 'retailer_discount_amount'
                then till_amounts.loyalty_discount_amount + till_amounts.coupon_match_amount
                when 'net_amount'
                then till_amounts.net_amount
                when 'manufacturer_coupon_amount'
                then till_amounts.manufacturer_coupon_amount
            end as landed_amount,
            case
                money_measures.measure
                when 'gross_amount'
                then
                    surplus_till_amounts.net_amount
                    + surplus_till_amounts.loyalty_discount_amount
                    + surplus_till_amounts.coupon_match_amount
                when 'retailer_discount_amount'
                then
                    surplus_till_amounts.loyalty_discount_amount
                    + surplus_till_amounts.coupon_match_amount
                when 'net_amount'
                then surplus_till_amounts.net_amount
                when 'manufacturer_coupon_amount'
                then surplus_till_amounts.manufacturer_coupon_amount
            end as surplus_amount
        from till_amounts
        inner join
            batches
            on till_amounts.source_key = batches.source_key
            and till_amounts.batch_id = batches.batch_id
        left join
            surplus_till_amounts
            on till_amounts.source_key = surplus_till_amounts.source_key
            and till_amounts.batch_id = surplus_till_amounts.batch_id
        cross join money_measures
    ),

    money_contracts as (
        select 'stg_pos__transactions' as contract
        union all
        select 'stg_pos__transaction_lines' as contract
    ),

    -- The panel is in US dollars; no column of it says so.
    money_parts as (
        select
            till_money.source_key,
            'transactions' as entity,
            money_contracts.contract,
            till_money.measure,
            'USD' as unit,
            sum(till_money.landed_amount) as landed_value,
            sum(
                case
                    when till_money.is_current then coalesce(till_money.surplus_amount, 0) else 0
                end
            ) as duplicate_value,
            sum(
                case
                    when till_money.verdict = 'accepted' and not till_money.is_current
                    then till_money.landed_amount
                    else 0
                end
            ) as superseded_value,
            sum(
                case when till_money.verdict <> 'accepted' then till_money.landed_amount else 0 end
            ) as not_mapped_value
        from till_money
        cross join money_contracts
        group by till_money.source_key, money_contracts.contract, till_money.measure
    ),

    unioned as (
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            landed_value,
            duplicate_value,
            superseded_value,
            not_mapped_value
        from row_parts
        union all
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            landed_value,
            duplicate_value,
            superseded_value,
            not_mapped_value
        from thing_parts
        union all
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            landed_value,
            duplicate_value,
            superseded_value,
            not_mapped_value
        from money_parts
    ),

    final as (
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            cast(landed_value as decimal(18, 4)) as landed_value,
            cast(duplicate_value as decimal(18, 4)) as duplicate_value,
            cast(superseded_value as decimal(18, 4)) as superseded_value,
            cast(not_mapped_value as decimal(18, 4)) as not_mapped_value
        from unioned
    )

select *
from final
