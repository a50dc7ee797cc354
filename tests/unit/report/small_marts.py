"""Marts small enough to reason about, with the names and types of the published ones.

`Marts` is one set of orders and people of one data origin; everything a test wants to be
different is an argument. Expectations belong to the tests, which ask the same file by SQL.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

AS_OF = date(2017, 12, 31)

SCHEMA = """
create schema if not exists customer;
create schema if not exists commerce;
create schema if not exists journey;
create schema if not exists kpi;
create schema if not exists quality;

create table commerce.fct_orders (
    order_key varchar not null, customer_key varchar, channel_key varchar, business_date date,
    currency varchar, gross_amount decimal(18, 2), retailer_discount_amount decimal(18, 2),
    net_amount decimal(18, 2), data_origin varchar
);
create table commerce.fct_order_lines (
    order_line_key varchar not null, order_key varchar, currency varchar,
    net_amount decimal(18, 2), data_origin varchar
);
create table commerce.fct_coupon_events (
    coupon_event_key varchar not null, customer_key varchar, campaign_key varchar,
    event_type varchar, business_date date, is_matched_to_line boolean, data_origin varchar
);
create table commerce.mart_basket_affinity (
    antecedent_category varchar, consequent_category varchar, data_origin varchar,
    order_count_both bigint, antecedent_order_count bigint, consequent_order_count bigint,
    order_count bigint, support double, confidence double, lift double
);
create table commerce.dim_campaign (
    campaign_key varchar, campaign_type varchar, data_origin varchar
);
create table customer.dim_customer (customer_key varchar not null, data_origin varchar);
create table customer.bridge_customer_identifier (
    customer_key varchar not null, identifier_type varchar not null, token varchar not null
);
create table customer.mart_customer_value (
    customer_key varchar, currency varchar, data_origin varchar, order_count bigint,
    net_amount decimal(18, 4), value_decile int
);
create table customer.mart_customer_lifecycle (
    customer_key varchar, currency varchar, data_origin varchar, lifecycle_state varchar,
    days_since_last_order bigint, median_gap_days double, has_own_cadence boolean,
    allowed_gap_days bigint, net_amount decimal(18, 4)
);
create table journey.fct_touchpoints (
    touchpoint_key varchar, customer_key varchar, touchpoint_type varchar, channel_key varchar,
    campaign_key varchar, business_date date, data_origin varchar
);
create table kpi.dim_kpi (kpi_key varchar not null, name varchar, fact varchar);
create table kpi.kpi_daily (
    kpi_key varchar, date date, channel_key varchar, currency varchar, data_origin varchar,
    numerator decimal(18, 4), denominator decimal(18, 4)
);
create table kpi.kpi_campaign (
    campaign_type varchar, data_origin varchar, campaign_count bigint, contact_count bigint,
    contacted_household_count bigint, redemption_count bigint, responder_count bigint,
    response_rate double
);
create table quality.dq_results (
    layer varchar, asset varchar, check_name varchar, expectation varchar, column_name varchar,
    severity varchar, outcome varchar, evaluated_rows bigint, unexpected_rows bigint
);
create table quality.dq_rejects (
    source_key varchar, entity varchar, batch_id varchar, reason_code varchar, rows bigint
);
create table quality.dq_freshness (
    source_key varchar, entity varchar, freshness_state varchar, is_partitioned boolean,
    newest_date date,
    lag_days bigint, max_age_hours bigint, open_refusal_count bigint,
    refused_partition varchar, refusal_reason varchar
);
create table quality.dq_reconciliation (
    scope varchar, source_key varchar, data_origin varchar, entity varchar, contract varchar,
    measure varchar, unit varchar, left_value decimal(18, 4), right_value decimal(18, 4),
    difference decimal(18, 4), is_balanced boolean, unbalanced_batch_count bigint,
    physical_value decimal(18, 4), quarantined_value decimal(18, 4)
);
create table quality.catalog (
    mart_schema varchar, mart_name varchar, row_count bigint, data_as_of date
);
"""

# People 0 to 39, the first ones buying more; every state occurs, fading in several deciles.
_TRADE = """
insert into commerce.fct_orders
select
    $origin || '-o-' || i,
    $origin || '-c-' || lpad(cast(i % 40 as varchar), 4, '0'),
    'store',
    cast($first as date) + cast((i * 7) % $days as integer),
    $currency,
    cast(((i * 37) % 5000 + 100) / 100.0 + (40 - i % 40) * 1.5 as decimal(18, 2)) + 1.25,
    1.25,
    cast(((i * 37) % 5000 + 100) / 100.0 + (40 - i % 40) * 1.5 as decimal(18, 2)),
    $origin
from range($orders) t(i);

insert into commerce.fct_order_lines
select order_key || '-' || part, order_key, currency,
    case part when 1 then net_amount - 1 else 1 end, data_origin
from commerce.fct_orders, (values (1), (2)) parts(part)
where data_origin = $origin and currency = $currency;

insert into kpi.kpi_daily
select 'net_sales', business_date, 'store', currency, data_origin, sum(net_amount), null
from commerce.fct_orders
where data_origin = $origin and currency = $currency
group by business_date, currency, data_origin;

insert into customer.mart_customer_value
select customer_key, currency, data_origin, count(*), sum(net_amount),
    ntile(10) over (order by sum(net_amount) desc, customer_key)
from commerce.fct_orders
where data_origin = $origin and currency = $currency
group by customer_key, currency, data_origin;

insert into customer.dim_customer
select distinct customer_key, data_origin from commerce.fct_orders
where data_origin = $origin and currency = $currency;

insert into customer.mart_customer_lifecycle
select
    customer_key, currency, data_origin,
    case cast(right(customer_key, 4) as integer) % 7
        when 0 then 'at_risk' when 1 then 'lapsed' when 2 then 'new' when 3 then 'reactivated'
        else 'active' end,
    cast(right(customer_key, 4) as integer) + 3,
    case when right(customer_key, 4) = '0007' then null else 4.5 end,
    right(customer_key, 4) <> '0007',
    9,
    net_amount
from customer.mart_customer_value
where data_origin = $origin and currency = $currency;

insert into quality.dq_reconciliation
select 'landing_to_mart', null, data_origin, 'transactions', 'fct_orders', 'net_amount',
    currency, sum(net_amount), sum(net_amount), 0, true, null, null, null
from commerce.fct_orders
where data_origin = $origin and currency = $currency
group by data_origin, currency;
"""

_REST = """
insert into commerce.mart_basket_affinity values
    ('CAT LITTER', 'CAT FOOD', 'panel', 90, 200, 300, 3000, 0.03, 0.45, 4.5),
    ('CAT FOOD', 'CAT LITTER', 'panel', 90, 300, 200, 3000, 0.03, 0.3, 4.5),
    ('BABY HBC', 'Diapers', 'panel', 60, 100, 400, 3000, 0.02, 0.6, 4.5),
    ('Diapers', 'BABY HBC', 'panel', 60, 400, 100, 3000, 0.02, 0.15, 4.5),
    ('BREAD', 'MILK', 'panel', 500, 900, 1100, 3000, 0.1666666666666666, 0.5555555555555556,
        1.5151515151515151),
    ('MILK', 'BREAD', 'panel', 500, 1100, 900, 3000, 0.1666666666666666, 0.4545454545454545,
        1.5151515151515151);

insert into kpi.kpi_campaign values
    ('A', 'panel', 4, 3647, 1500, 1718, 604, 0.1656),
    ('B', 'panel', 17, 2368, 1200, 323, 154, 0.065),
    ('C', 'panel', 6, 0, 0, 0, 0, null);

insert into commerce.dim_campaign values ('k1', 'A', 'panel'), ('k2', 'B', 'panel');

insert into commerce.fct_coupon_events
select 'e' || i, 'panel-c-0001', 'k1', 'redeemed',
    date '2017-03-15' + cast(i as integer), i % 3 = 0, 'panel'
from range(100) t(i);

insert into quality.dq_results values
    ('landing', 'landing/shop/receipts', 'contract', 'expect_column_values_to_not_be_null',
        'receipt_no', 'critical', 'passed', 1200, 0),
    ('landing', 'landing/shop/receipts', 'contract', 'expect_table_row_count_to_be_between',
        null, 'critical', 'passed', null, null),
    ('staging', 'staging/stg_pos__transactions', 'expectations',
        'expect_column_values_to_be_between', 'net_amount', 'warning', 'failed', 1200, 12),
    ('staging', 'adapters/src_shop__receipts', 'not_null', 'not_null',
        'receipt_no', 'critical', 'passed', null, 0),
    ('kpi', 'kpi/kpi_daily', 'not_null', 'not_null', 'date', 'critical', 'passed', null, 0),
    ('marts', 'kpi/kpi_daily', 'expectations', 'expect_column_values_to_be_between',
        'numerator', 'info', 'could_not_run', null, null);

insert into quality.dq_rejects values
    ('shop', 'receipts', 'b1', 'key_is_missing', 41),
    ('shop', 'receipts', 'b2', 'key_is_missing', 3),
    ('shop', 'coupons', 'b3', 'unknown_campaign', 1200);

insert into quality.dq_freshness values
    ('shop', 'receipts', 'fresh', true, '2017-12-31', 0, 48, 0, null, null),
    ('shop', 'products', 'stale', false, '2017-12-30', 1, null, 1, 'snapshot',
        'column department is missing'),
    ('shop', 'coupons', 'stale', true, '2017-12-20', 11, 168, 0, null, null),
    ('shop', 'people', 'missing', false, null, null, null, 0, null, null);

insert into quality.dq_reconciliation values
    ('batch', 'shop', 'panel', 'receipts', 'landing', 'rows', 'rows', 1244, 1244, 0, true, 0,
        1244, 44),
    ('batch', 'shop', 'panel', 'products', 'landing', 'rows', 'rows', 500, 499, 1, false, 1,
        500, 0);

insert into quality.catalog values ('commerce', 'fct_orders', 1200, '2017-12-31');
insert into kpi.dim_kpi values ('net_sales', 'Net sales', 'fct_orders');
"""


@dataclass(frozen=True)
class Trade:
    """Orders of one origin and currency, spread evenly over whole days."""

    data_origin: str = "panel"
    currency: str = "USD"
    first_day: date = date(2017, 1, 1)
    last_day: date = AS_OF
    orders: int = 1200


def empty_marts(path: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Every mart the report reads, without a row."""
    connection = duckdb.connect(str(path))
    connection.execute(SCHEMA)
    return connection


def small_marts(*trades: Trade, path: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A year of one origin by default."""
    connection = empty_marts(path)
    for trade in trades or (Trade(),):
        add_trade(connection, trade)
    connection.execute(_REST)
    return connection


def add_trade(connection: duckdb.DuckDBPyConnection, trade: Trade) -> None:
    """Add orders and the marts that follow from them."""
    names = {
        "origin": trade.data_origin,
        "currency": trade.currency,
        "first": trade.first_day,
        "days": (trade.last_day - trade.first_day + timedelta(days=1)).days,
        "orders": trade.orders,
    }
    for statement in duckdb.extract_statements(_TRADE):
        used = {name: names[name] for name in statement.named_parameters}
        connection.execute(statement, used)
