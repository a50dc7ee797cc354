"""A small warehouse as dbt would leave it, and the few words that publish it in a test.

Real DuckDB files in every published schema, with keys, comments, views that name their
database, and schemas that must never be published. Expectations belong to the tests.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    CheckSummary,
    PublishContext,
    PublishOptions,
    PublishResult,
    publish,
)
from orchestration.publish.verification import differences
from orchestration.settings import Settings, load_settings

CANARY = "canary-loyalty-card-7461-mrs-quillfeather"

WAREHOUSE = """
create schema staging;
create schema int_identity;
create schema customer;
create schema commerce;
create schema journey;
create schema kpi;
create schema quality;
create type main.mood as enum ('calm', 'cross');
create macro main.twice(x) as x * 2;

create table staging.stg_pos__transactions (receipt_no bigint, note varchar);
insert into staging.stg_pos__transactions values (1, 'UNPUBLISHED-STAGING-ROW');
create view staging.landed as select * from read_csv('/etc/hostname');
create table int_identity.int_identity__customer_keys (node_key varchar, customer_key varchar);
insert into int_identity.int_identity__customer_keys
    select 'n' || i, 'c' || i from range(40) t(i);

create table customer.dim_customer (
    customer_key varchar not null, order_count bigint, data_origin varchar not null,
    primary key (customer_key)
);
comment on table customer.dim_customer is 'One row per customer; it''s the whole truth.';
comment on column customer.dim_customer.customer_key is 'The customer''s key.';
insert into customer.dim_customer select 'c' || i, i % 7, 'panel' from range(40) t(i);

create table customer.bridge_customer_identifier (
    customer_key varchar not null, identifier_type varchar not null, token varchar not null
);
insert into customer.bridge_customer_identifier
    select 'c' || i, 'loyalty_card', md5('card' || i) from range(40) t(i);

create table commerce.dim_campaign (
    campaign_key varchar, campaign_type varchar, data_origin varchar
);
insert into commerce.dim_campaign values ('k1', 'A', 'panel'), ('k2', 'C', 'panel');

create table commerce.orders_as_told (
    order_key varchar, node_key varchar, channel_key varchar, business_date date,
    net_amount decimal(18, 2), data_origin varchar
);
insert into commerce.orders_as_told
    select 'o' || i, 'n' || (i % 40), 'store', date '2017-12-01' + (i // 40)::integer, i * 1.25,
        'panel'
    from range(83) t(i);
create view commerce.fct_orders as
    select told.order_key, keys.customer_key, told.channel_key, told.business_date,
        told.net_amount, told.data_origin
    from warehouse.commerce.orders_as_told as told
    left join warehouse.int_identity.int_identity__customer_keys as keys
        on keys.node_key = told.node_key;
comment on view commerce.fct_orders is 'One row per order.';
comment on column commerce.fct_orders.net_amount is 'What the retailer receives.';

create table commerce.fct_coupon_events (
    coupon_event_key varchar, customer_key varchar, campaign_key varchar, event_type varchar,
    business_date date, data_origin varchar
);
insert into commerce.fct_coupon_events
    select 'e' || i, 'c' || i, if(i < 12, 'k1', 'k2'), 'redeemed', date '2017-12-01', 'panel'
    from range(15) t(i);

create table journey.fct_touchpoints (
    touchpoint_key varchar, customer_key varchar, touchpoint_type varchar, channel_key varchar,
    campaign_key varchar, business_date date, data_origin varchar
);
insert into journey.fct_touchpoints
    select 'm' || i, 'c' || i, 'mail_in_home', 'direct_mail', if(i < 20, 'k1', 'k2'),
        date '2017-12-01', 'panel' from range(40) t(i)
    union all
    select 'r' || i, 'c' || i, 'coupon_redeemed', 'store', 'k1', date '2017-12-01', 'panel'
    from range(15) t(i);

create table kpi.dim_kpi (kpi_key varchar not null primary key, name varchar, fact varchar);
insert into kpi.dim_kpi values
    ('orders', 'Orders', 'fct_orders'),
    ('coupon_redemptions', 'Coupon redemptions', 'fct_coupon_events'),
    ('visits', 'Visits', 'fct_visits');
create table kpi.kpi_daily (
    kpi_key varchar, date date, channel_key varchar, currency varchar, data_origin varchar,
    numerator decimal(18, 4), denominator decimal(18, 4)
);
insert into kpi.kpi_daily values
    ('orders', '2017-12-01', 'store', 'XXX', 'panel', 40, null),
    ('orders', '2017-12-02', 'store', 'XXX', 'panel', 40, null),
    ('orders', '2017-12-03', 'store', 'XXX', 'panel', 3, null),
    ('orders', '2017-12-01', 'web', 'XXX', 'panel', 9, null),
    ('orders', '2017-12-01', 'store', 'XXX', 'synthetic', 9, null),
    ('coupon_redemptions', '2017-12-01', 'store', 'XXX', 'panel', 15, null),
    ('coupon_redemptions', '2017-12-02', 'store', 'XXX', 'panel', 2, null),
    ('visits', '2017-12-01', 'store', 'XXX', 'panel', 900, null);
create table kpi.kpi_campaign (
    campaign_type varchar, data_origin varchar, responder_count bigint
);
insert into kpi.kpi_campaign values ('A', 'panel', 12), ('C', 'panel', 3);
create table kpi.kpi_unruled (people bigint);
insert into kpi.kpi_unruled values (1);

create table quality.dq_results (check_name varchar, run_id varchar);
insert into quality.dq_results values ('contract', 'run-1');
create table quality.catalog (mart_schema varchar, mart_name varchar, row_count bigint);
insert into quality.catalog values ('customer', 'dim_customer', 40);
"""


def flip(path: Path, offset: int, *, bit: int = 0) -> None:
    """Change one bit of a file in place; its mode stays."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(offset)
        (value,) = file.read(1)
        file.seek(offset)
        file.write(bytes([value ^ (1 << bit)]))
    path.chmod(mode)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small home as it is before any publish; copied, never used itself."""
    home = tmp_path_factory.mktemp("template") / "var"
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    settings.warehouse_path.parent.mkdir(parents=True)
    settings.identifiers_dir.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute(WAREHOUSE)
    with duckdb.connect() as writer:
        writer.execute(
            "copy (select 'loyalty_card' as identifier_type,"
            f" if(i = 7, '{CANARY}', 'card' || i) as raw, 'card' || i as normalised,"
            " md5('card' || i) as token, 1 as rule_version, 'k' as key_id from range(41) t(i))"
            f" to '{settings.identifiers_dir / 'loyalty_card.parquet'}' (format parquet)"
        )
    return home


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    """Settings whose home holds the small warehouse and its restricted identifiers."""
    home = tmp_path / "var"
    shutil.copytree(template, home)
    return load_settings({"SHOPTHREAD_HOME": str(home)})


@pytest.fixture(scope="session")
def tiny_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tiny") / "var"
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    settings.warehouse_path.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("create schema kpi; create table kpi.dim_kpi (kpi_key varchar)")
        warehouse.execute("insert into kpi.dim_kpi values ('orders'), ('units'), ('visits')")
    return home


@pytest.fixture
def tiny(tiny_template: Path, tmp_path: Path) -> Settings:
    """A home whose warehouse has one small mart, for what does not depend on marts."""
    home = tmp_path / "var"
    shutil.copytree(tiny_template, home)
    return load_settings({"SHOPTHREAD_HOME": str(home)})


@pytest.fixture
def change(settings: Settings) -> Callable[[str], None]:
    """Run SQL on the warehouse, as the next dbt run would."""

    def run(sql: str) -> None:
        with duckdb.connect(str(settings.warehouse_path)) as warehouse:
            warehouse.execute(sql)

    return run


@pytest.fixture(scope="session")
def context() -> PublishContext:
    return PublishContext(
        as_of=date(2017, 12, 31),
        checks=CheckSummary(passed=212, failed=0, could_not_run=0),
        code_version="0.1.0+test",
        published_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def options() -> PublishOptions:
    """The second process's checks without its start-up, where the process is not the matter."""

    def verify(building: Path, _seconds: float) -> None:
        assert differences(building) == []

    return PublishOptions(keep=2, verify=verify)


@pytest.fixture
def publish_on(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> Callable[[int | None], PublishResult]:
    """Publish on a parent, with a run id of its own."""

    def run(parent: int | None) -> PublishResult:
        return publish(
            settings,
            run_id=f"run-on-{parent}",
            parent=parent,
            context=context,
            options=options,
        )

    return run


@pytest.fixture(scope="session")
def served(
    template: Path, tmp_path_factory: pytest.TempPathFactory, context: PublishContext
) -> Settings:
    """A home with version 1 published from the small warehouse; only for reading."""
    home = tmp_path_factory.mktemp("served") / "var"
    shutil.copytree(template, home)
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    publish(settings, run_id="run-1", parent=None, context=context)
    return settings
