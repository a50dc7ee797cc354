-- One row per account that must balance: what a step received against what became of it.
-- Every figure is counted where it lies; none is the difference of two others.
with

    accounted_batches as (
        select
            source_key,
            entity,
            is_balanced,
            physical_rows,
            landed_rows,
            quarantined_rows,
            counted_landed_rows,
            counted_quarantined_rows
        from {{ ref("int_accounting__batches") }}
    ),

    landed_parts as (
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
        from {{ ref("int_accounting__landed") }}
    ),

    record_parts as (
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            landed_value,
            staged_value,
            duplicate_value,
            superseded_value,
            0 as not_mapped_value
        from {{ ref("int_accounting__records") }}
    ),

    sources as (select source_key, entity, data_origin from {{ ref("dim_source") }}),

    source_origins as (
        select source_key, {{ common_origin("data_origin") }} as data_origin
        from sources
        group by source_key
    ),

    money_measures as (
        select 'rows' as measure
        union all
        select 'gross_amount' as measure
        union all
        select 'retailer_discount_amount' as measure
        union all
        select 'net_amount' as measure
        union all
        select 'manufacturer_coupon_amount' as measure
        union all
        select 'paid_amount' as measure
    ),

    -- Staging, by source.
    staged_money as (
        select
            source_key,
            'stg_pos__transactions' as contract,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount
        from {{ ref("stg_pos__transactions") }}
        group by source_key
        union all
        select
            source_key,
            'stg_pos__transaction_lines' as contract,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount
        from {{ ref("stg_pos__transaction_lines") }}
        group by source_key
    ),

    staged_values as (
        select
            source_key,
            'stg_pos__transaction_lines' as contract,
            'rows' as measure,
            count(*) as staged_value
        from {{ ref("stg_pos__transaction_lines") }}
        group by source_key
        union all
        select
            source_key,
            'stg_catalog__products' as contract,
            'rows' as measure,
            count(*) as staged_value
        from {{ ref("stg_catalog__products") }}
        group by source_key
        union all
        select
            source_key, 'stg_crm__contacts' as contract, 'rows' as measure, count(*) as staged_value
        from {{ ref("stg_crm__contacts") }}
        group by source_key
        union all
        select
            source_key, 'stg_mail__sends' as contract, 'rows' as measure, count(*) as staged_value
        from {{ ref("stg_mail__sends") }}
        group by source_key
        union all
        select
            source_key,
            'stg_mail__campaigns' as contract,
            'rows' as measure,
            count(*) as staged_value
        from {{ ref("stg_mail__campaigns") }}
        group by source_key
        union all
        select
            source_key,
            'stg_coupons__eligible_products' as contract,
            'rows' as measure,
            count(*) as staged_value
        from {{ ref("stg_coupons__eligible_products") }}
        group by source_key
        union all
        select
            source_key,
            'stg_coupons__events' as contract,
            'rows' as measure,
            count(*) as staged_value
        from {{ ref("stg_coupons__events") }}
        group by source_key
        union all
        select
            source_key,
            'stg_promotions__placements_weekly' as contract,
            'rows' as measure,
            count(*) as staged_value
        from {{ ref("stg_promotions__placements_weekly") }}
        group by source_key
        union all
        select
            source_key,
            'stg_pos__transactions' as contract,
            'baskets' as measure,
            count(*) as staged_value
        from {{ ref("stg_pos__transactions") }}
        group by source_key
        union all
        select
            source_key,
            'stg_coupons__definitions' as contract,
            'coupons' as measure,
            count(*) as staged_value
        from {{ ref("stg_coupons__definitions") }}
        group by source_key
        union all
        select
            source_key,
            'stg_location__locations' as contract,
            'stores' as measure,
            count(*) as staged_value
        from {{ ref("stg_location__locations") }}
        group by source_key
        union all
        select
            staged_money.source_key,
            staged_money.contract,
            money_measures.measure,
            case
                money_measures.measure
                when 'gross_amount'
                then staged_money.gross_amount
                when 'retailer_discount_amount'
                then staged_money.retailer_discount_amount
                when 'net_amount'
                then staged_money.net_amount
                when 'manufacturer_coupon_amount'
                then staged_money.manufacturer_coupon_amount
            end as staged_value
        from staged_money
        cross join money_measures
        where money_measures.measure not in ('rows', 'paid_amount')
    ),

    batch_accounts as (
        select
            sources.source_key,
            sources.data_origin,
            sources.entity,
            count(accounted_batches.source_key) as batch_count,
            sum(case when accounted_batches.is_balanced then 0 else 1 end) - sum(
                case when accounted_batches.source_key is null then 1 else 0 end
            ) as unbalanced_batch_count,
            coalesce(sum(accounted_batches.physical_rows), 0) as physical_value,
            coalesce(sum(accounted_batches.counted_landed_rows), 0) as landed_value,
            coalesce(sum(accounted_batches.counted_quarantined_rows), 0) as quarantined_value
        from sources
        left join
            accounted_batches
            on sources.source_key = accounted_batches.source_key
            and sources.entity = accounted_batches.entity
        group by sources.source_key, sources.data_origin, sources.entity
    ),

    contract_accounts as (
        select
            coalesce(landed_parts.source_key, staged_values.source_key) as source_key,
            landed_parts.entity,
            coalesce(landed_parts.contract, staged_values.contract) as contract,
            coalesce(landed_parts.measure, staged_values.measure) as measure,
            landed_parts.unit,
            coalesce(landed_parts.landed_value, 0) as landed_value,
            coalesce(staged_values.staged_value, 0) as staged_value,
            coalesce(landed_parts.duplicate_value, 0) as duplicate_value,
            coalesce(landed_parts.superseded_value, 0) as superseded_value,
            coalesce(landed_parts.not_mapped_value, 0) as not_mapped_value
        from landed_parts
        full outer join
            staged_values
            on landed_parts.source_key = staged_values.source_key
            and landed_parts.contract = staged_values.contract
            and landed_parts.measure = staged_values.measure
    ),

    every_contract as (
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            landed_value,
            staged_value,
            duplicate_value,
            superseded_value,
            not_mapped_value
        from contract_accounts
        union all
        select
            source_key,
            entity,
            contract,
            measure,
            unit,
            landed_value,
            staged_value,
            duplicate_value,
            superseded_value,
            not_mapped_value
        from record_parts
    ),

    -- Staging and marts, by data origin: marts do not know their source.
    sales as (
        select
            'stg_pos__transactions' as model,
            data_origin,
            currency,
            count(*) as row_count,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount,
            sum(paid_amount) as paid_amount
        from {{ ref("stg_pos__transactions") }}
        group by data_origin, currency
        union all
        select
            'fct_orders' as model,
            data_origin,
            currency,
            count(*) as row_count,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount,
            sum(paid_amount) as paid_amount
        from {{ ref("fct_orders") }}
        group by data_origin, currency
        union all
        select
            'stg_pos__transaction_lines' as model,
            data_origin,
            currency,
            count(*) as row_count,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount,
            sum(paid_amount) as paid_amount
        from {{ ref("stg_pos__transaction_lines") }}
        group by data_origin, currency
        union all
        select
            'fct_order_lines' as model,
            data_origin,
            currency,
            count(*) as row_count,
            sum(gross_amount) as gross_amount,
            sum(retailer_discount_amount) as retailer_discount_amount,
            sum(net_amount) as net_amount,
            sum(manufacturer_coupon_amount) as manufacturer_coupon_amount,
            sum(paid_amount) as paid_amount
        from {{ ref("fct_order_lines") }}
        group by data_origin, currency
    ),

    sales_figures as (
        select
            sales.model,
            'sales' as topic,
            money_measures.measure,
            case when money_measures.measure = 'rows' then 'rows' else sales.currency end as unit,
            sales.data_origin,
            sum(
                case
                    money_measures.measure
                    when 'rows'
                    then sales.row_count
                    when 'gross_amount'
                    then sales.gross_amount
                    when 'retailer_discount_amount'
                    then sales.retailer_discount_amount
                    when 'net_amount'
                    then sales.net_amount
                    when 'manufacturer_coupon_amount'
                    then sales.manufacturer_coupon_amount
                    when 'paid_amount'
                    then sales.paid_amount
                end
            ) as amount
        from sales
        cross join money_measures
        group by
            sales.model,
            money_measures.measure,
            case when money_measures.measure = 'rows' then 'rows' else sales.currency end,
            sales.data_origin
    ),

    kpi_measures as (
        select 'orders' as kpi_key, 'rows' as measure
        union all
        select 'gross_sales' as kpi_key, 'gross_amount' as measure
        union all
        select 'retailer_discounts' as kpi_key, 'retailer_discount_amount' as measure
        union all
        select 'net_sales' as kpi_key, 'net_amount' as measure
        union all
        select 'manufacturer_coupons' as kpi_key, 'manufacturer_coupon_amount' as measure
        union all
        select 'paid_amount' as kpi_key, 'paid_amount' as measure
    ),

    daily_kpis as (
        select kpi_key, currency, data_origin, sum(numerator) as amount
        from {{ ref("kpi_daily") }}
        group by kpi_key, currency, data_origin
    ),

    kpi_figures as (
        select
            'kpi_daily' as model,
            'sales' as topic,
            kpi_measures.measure,
            case
                when kpi_measures.measure = 'rows' then 'rows' else daily_kpis.currency
            end as unit,
            daily_kpis.data_origin,
            daily_kpis.amount
        from daily_kpis
        inner join kpi_measures on daily_kpis.kpi_key = kpi_measures.kpi_key
    ),

    count_figures as (
        select
            'stg_coupons__events' as model,
            'redemptions' as topic,
            'redemptions' as measure,
            'rows' as unit,
            data_origin,
            count(*) as amount
        from {{ ref("stg_coupons__events") }}
        where event_type = 'redeemed'
        group by data_origin
        union all
        select
            'fct_coupon_events' as model,
            'redemptions' as topic,
            'redemptions' as measure,
            'rows' as unit,
            data_origin,
            count(*) as amount
        from {{ ref("fct_coupon_events") }}
        where event_type = 'redeemed'
        group by data_origin
        union all
        select
            'kpi_daily' as model,
            'redemptions' as topic,
            'redemptions' as measure,
            'rows' as unit,
            data_origin,
            sum(numerator) as amount
        from {{ ref("kpi_daily") }}
        where kpi_key = 'coupon_redemptions'
        group by data_origin
        union all
        select
            'stg_mail__sends' as model,
            'contacts' as topic,
            'contacts' as measure,
            'rows' as unit,
            data_origin,
            count(*) as amount
        from {{ ref("stg_mail__sends") }}
        group by data_origin
        union all
        select
            'fct_touchpoints' as model,
            'contacts' as topic,
            'contacts' as measure,
            'rows' as unit,
            data_origin,
            count(*) as amount
        from {{ ref("fct_touchpoints") }}
        where touchpoint_type = 'mail_in_home'
        group by data_origin
        union all
        select
            'kpi_campaign' as model,
            'contacts' as topic,
            'contacts' as measure,
            'rows' as unit,
            data_origin,
            sum(contact_count) as amount
        from {{ ref("kpi_campaign") }}
        group by data_origin
        union all
        select
            'stg_promotions__placements_weekly' as model,
            'placements' as topic,
            'placements' as measure,
            'rows' as unit,
            data_origin,
            count(*) as amount
        from {{ ref("stg_promotions__placements_weekly") }}
        group by data_origin
        union all
        select
            'fct_promotion_exposure_weekly' as model,
            'placements' as topic,
            'placements' as measure,
            'rows' as unit,
            data_origin,
            sum(placement_count) as amount
        from {{ ref("fct_promotion_exposure_weekly") }}
        group by data_origin
    ),

    customer_figures as (
        select
            'fct_orders' as model,
            'customer_value' as topic,
            'net_amount_of_customers' as measure,
            currency as unit,
            data_origin,
            sum(net_amount) as amount
        from {{ ref("fct_orders") }}
        where customer_key is not null and business_date <= {{ as_of() }}
        group by data_origin, currency
        union all
        select
            'mart_customer_value' as model,
            'customer_value' as topic,
            'net_amount_of_customers' as measure,
            currency as unit,
            data_origin,
            sum(net_amount) as amount
        from {{ ref("mart_customer_value") }}
        group by data_origin, currency
        union all
        select
            'mart_customer_lifecycle' as model,
            'customer_value' as topic,
            'net_amount_of_customers' as measure,
            currency as unit,
            data_origin,
            sum(net_amount) as amount
        from {{ ref("mart_customer_lifecycle") }}
        group by data_origin, currency
    ),

    -- What landing is bound to serve: the headline of the whole account.
    landing_figures as (
        select
            'transactions' as model,
            'sales' as topic,
            landed_parts.measure,
            landed_parts.unit,
            source_origins.data_origin,
            sum(
                landed_parts.landed_value
                - landed_parts.duplicate_value
                - landed_parts.superseded_value
                - landed_parts.not_mapped_value
            ) as amount
        from landed_parts
        inner join source_origins on landed_parts.source_key = source_origins.source_key
        where landed_parts.contract = 'stg_pos__transaction_lines' and landed_parts.unit <> 'rows'
        group by landed_parts.measure, landed_parts.unit, source_origins.data_origin
    ),

    figures as (
        select model, topic, measure, unit, data_origin, amount
        from sales_figures
        union all
        select model, topic, measure, unit, data_origin, amount
        from kpi_figures
        union all
        select model, topic, measure, unit, data_origin, amount
        from count_figures
        union all
        select model, topic, measure, unit, data_origin, amount
        from customer_figures
        union all
        select model, topic, measure, unit, data_origin, amount
        from landing_figures
    ),

    -- Who must agree with whom, and about what.
    agreements as (
        select
            'landing_to_mart' as scope,
            'transactions' as entity,
            'fct_orders' as contract,
            'sales' as topic
        union all
        select
            'mart' as scope,
            'stg_pos__transactions' as entity,
            'fct_orders' as contract,
            'sales' as topic
        union all
        select
            'mart' as scope,
            'stg_pos__transaction_lines' as entity,
            'fct_order_lines' as contract,
            'sales' as topic
        union all
        select 'mart' as scope, 'fct_orders' as entity, 'kpi_daily' as contract, 'sales' as topic
        union all
        select
            'mart' as scope,
            'stg_coupons__events' as entity,
            'fct_coupon_events' as contract,
            'redemptions' as topic
        union all
        select
            'mart' as scope,
            'fct_coupon_events' as entity,
            'kpi_daily' as contract,
            'redemptions' as topic
        union all
        select
            'mart' as scope,
            'stg_mail__sends' as entity,
            'fct_touchpoints' as contract,
            'contacts' as topic
        union all
        select
            'mart' as scope,
            'fct_touchpoints' as entity,
            'kpi_campaign' as contract,
            'contacts' as topic
        union all
        select
            'mart' as scope,
            'stg_promotions__placements_weekly' as entity,
            'fct_promotion_exposure_weekly' as contract,
            'placements' as topic
        union all
        select
            'mart' as scope,
            'fct_orders' as entity,
            'mart_customer_value' as contract,
            'customer_value' as topic
        union all
        select
            'mart' as scope,
            'fct_orders' as entity,
            'mart_customer_lifecycle' as contract,
            'customer_value' as topic
    ),

    -- A side that is missing counts 0; what landing's columns do not hold is left out.
    entries as (
        select
            agreements.scope,
            agreements.entity,
            agreements.contract,
            figures.measure,
            figures.unit,
            figures.data_origin,
            figures.amount as left_value,
            0 as right_value
        from agreements
        inner join figures on agreements.entity = figures.model and agreements.topic = figures.topic
        union all
        select
            agreements.scope,
            agreements.entity,
            agreements.contract,
            figures.measure,
            figures.unit,
            figures.data_origin,
            0 as left_value,
            figures.amount as right_value
        from agreements
        inner join
            figures on agreements.contract = figures.model and agreements.topic = figures.topic
        where
            agreements.scope <> 'landing_to_mart' or figures.measure not in ('rows', 'paid_amount')
    ),

    mart_accounts as (
        select
            scope,
            data_origin,
            entity,
            contract,
            measure,
            unit,
            sum(left_value) as left_value,
            sum(right_value) as right_value
        from entries
        group by scope, data_origin, entity, contract, measure, unit
    ),

    accounts as (
        select
            'batch' as scope,
            source_key,
            data_origin,
            entity,
            'landing' as contract,
            'rows' as measure,
            'rows' as unit,
            physical_value as left_value,
            landed_value + quarantined_value as right_value,
            batch_count,
            unbalanced_batch_count,
            physical_value,
            landed_value,
            quarantined_value,
            cast(null as decimal(18, 4)) as staged_value,
            cast(null as decimal(18, 4)) as duplicate_value,
            cast(null as decimal(18, 4)) as superseded_value,
            cast(null as decimal(18, 4)) as not_mapped_value
        from batch_accounts
        union all
        select
            'contract' as scope,
            every_contract.source_key,
            source_origins.data_origin,
            every_contract.entity,
            every_contract.contract,
            every_contract.measure,
            coalesce(every_contract.unit, every_contract.measure) as unit,
            every_contract.landed_value as left_value,
            every_contract.staged_value
            + every_contract.duplicate_value
            + every_contract.superseded_value
            + every_contract.not_mapped_value as right_value,
            cast(null as bigint) as batch_count,
            cast(null as bigint) as unbalanced_batch_count,
            cast(null as decimal(18, 4)) as physical_value,
            every_contract.landed_value,
            cast(null as decimal(18, 4)) as quarantined_value,
            every_contract.staged_value,
            every_contract.duplicate_value,
            every_contract.superseded_value,
            every_contract.not_mapped_value
        from every_contract
        left join source_origins on every_contract.source_key = source_origins.source_key
        union all
        select
            scope,
            cast(null as {{ dbt.type_string() }}) as source_key,
            data_origin,
            entity,
            contract,
            measure,
            unit,
            left_value,
            right_value,
            cast(null as bigint) as batch_count,
            cast(null as bigint) as unbalanced_batch_count,
            cast(null as decimal(18, 4)) as physical_value,
            cast(null as decimal(18, 4)) as landed_value,
            cast(null as decimal(18, 4)) as quarantined_value,
            cast(null as decimal(18, 4)) as staged_value,
            cast(null as decimal(18, 4)) as duplicate_value,
            cast(null as decimal(18, 4)) as superseded_value,
            cast(null as decimal(18, 4)) as not_mapped_value
        from mart_accounts
    ),

    final as (
        select
            {{
                surrogate_key(
                    [
                        "source_key",
                        "scope",
                        "data_origin",
                        "entity",
                        "contract",
                        "measure",
                        "unit",
                    ]
                )
            }} as check_key,
            scope,
            source_key,
            data_origin,
            coalesce(entity, 'unknown') as entity,
            contract,
            measure,
            unit,
            cast(left_value as decimal(18, 4)) as left_value,
            cast(right_value as decimal(18, 4)) as right_value,
            cast(left_value - right_value as decimal(18, 4)) as difference,
            left_value = right_value and coalesce(unbalanced_batch_count, 0) = 0 as is_balanced,
            cast(batch_count as bigint) as batch_count,
            cast(unbalanced_batch_count as bigint) as unbalanced_batch_count,
            cast(physical_value as decimal(18, 4)) as physical_value,
            cast(landed_value as decimal(18, 4)) as landed_value,
            cast(quarantined_value as decimal(18, 4)) as quarantined_value,
            cast(staged_value as decimal(18, 4)) as staged_value,
            cast(duplicate_value as decimal(18, 4)) as duplicate_value,
            cast(superseded_value as decimal(18, 4)) as superseded_value,
            cast(not_mapped_value as decimal(18, 4)) as not_mapped_value
        from accounts
    )

select *
from final
