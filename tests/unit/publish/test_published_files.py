"""What a published version holds: the files, their contents and who may read them."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    MartDeclaration,
    PublishContext,
    PublishedVersion,
    PublishError,
    PublishOptions,
    PublishResult,
    connect,
    current,
    publish,
    table_hashes,
)
from orchestration.settings import Settings

CANARY = "canary-loyalty-card-7461-mrs-quillfeather"
MARTS = 13


@pytest.fixture
def version(served: Settings) -> PublishedVersion:
    found = current(served)
    assert found is not None
    return found


def test_every_mart_of_the_published_schemas_answers_under_its_bare_name(
    version: PublishedVersion,
) -> None:
    with duckdb.connect(str(version.analytics_path), read_only=True) as reader:
        for mart in version.manifest.marts:
            schema, name = mart.split(".")
            bare = reader.execute(f'select count(*) from "{name}"').fetchone()
            assert bare == reader.execute(f'select count(*) from {schema}."{name}"').fetchone()
    assert len(version.manifest.marts) == MARTS


@pytest.mark.parametrize("alias", ["analytics", "anything_else", "warehouse", "kpi"])
def test_bare_names_work_when_the_file_is_attached_under_any_name(
    version: PublishedVersion, alias: str
) -> None:
    with duckdb.connect() as reader:
        reader.execute("create schema customer")
        reader.execute("create table customer.dim_customer as select 'another database' as wrong")
        reader.execute(f"attach '{version.analytics_path}' as {alias} (read_only)")
        rows = reader.execute(f"select count(*) from {alias}.main.dim_customer").fetchall()
    assert rows == [(40,)]


def test_comments_keys_and_not_null_arrive_also_for_views_and_in_main(
    version: PublishedVersion,
) -> None:
    with duckdb.connect(str(version.analytics_path), read_only=True) as reader:
        tables = dict(
            reader.execute(
                "select schema_name || '.' || table_name, comment from duckdb_tables()"
                " union all select schema_name || '.' || view_name, comment from duckdb_views()"
                " where not internal"
            ).fetchall()
        )
        columns = dict(
            reader.execute(
                "select schema_name || '.' || table_name || '.' || column_name, comment"
                " from duckdb_columns() where comment is not null"
            ).fetchall()
        )
        constraints = reader.execute(
            "select constraint_text from duckdb_constraints() where table_name = 'dim_customer'"
            " order by all"
        ).fetchall()
    assert tables["customer.dim_customer"] == "One row per customer; it's the whole truth."
    assert tables["main.dim_customer"] == tables["customer.dim_customer"]
    assert tables["commerce.fct_orders"] == "One row per order."
    assert columns["customer.dim_customer.customer_key"] == "The customer's key."
    assert columns["main.dim_customer.customer_key"] == "The customer's key."
    assert columns["commerce.fct_orders.net_amount"] == "What the retailer receives."
    assert columns["main.fct_orders.net_amount"] == "What the retailer receives."
    assert ("PRIMARY KEY(customer_key)",) in constraints
    assert constraints.count(("NOT NULL",)) >= 1


def test_a_view_of_the_warehouse_becomes_a_table_and_no_view_reads_a_file(
    version: PublishedVersion,
) -> None:
    with duckdb.connect(str(version.analytics_path), read_only=True) as reader:
        tables = reader.execute("select schema_name || '.' || table_name from duckdb_tables()")
        assert ("commerce.fct_orders",) in tables.fetchall()
        views = reader.execute("select schema_name, sql from duckdb_views() where not internal")
        for schema, sql in views.fetchall():
            assert schema == "main"
            assert "read_" not in sql


def test_nothing_unpublished_is_in_the_file_not_even_as_bytes(version: PublishedVersion) -> None:
    content = version.analytics_path.read_bytes()
    for word in (b"UNPUBLISHED-STAGING-ROW", b"int_identity", b"staging", b"/etc/hostname"):
        assert word not in content, word
    with duckdb.connect(str(version.analytics_path), read_only=True) as reader:
        for kind in ("functions", "types", "sequences"):
            where = "" if kind == "sequences" else "where not internal"
            found = reader.execute(f"select count(*) from duckdb_{kind}() {where}").fetchone()
            assert found == (0,), kind


def test_no_byte_of_a_raw_identifier_is_outside_the_identified_file(
    version: PublishedVersion,
) -> None:
    holders = [
        path.relative_to(version.directory).as_posix()
        for path in version.directory.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert holders in ([], ["identified.duckdb"])
    # Parquet and DuckDB compress, so the values are looked for as well.
    with duckdb.connect() as reader:
        for mart in version.manifest.marts.values():
            rows = reader.execute(
                f"select count(*) from read_parquet('{version.directory / mart.parquet}') as mart"
                f" where contains(mart::varchar, '{CANARY}')"
            ).fetchall()
            assert rows == [(0,)], mart.parquet
    with duckdb.connect(str(version.analytics_path), read_only=True) as reader:
        for name in version.manifest.marts:
            rows = reader.execute(
                f"select count(*) from {name} as mart where contains(mart::varchar, '{CANARY}')"
            ).fetchall()
            assert rows == [(0,)], name


def test_the_identified_file_holds_the_raw_identifiers_and_nothing_else(
    version: PublishedVersion,
) -> None:
    with duckdb.connect(str(version.identified_path), read_only=True) as reader:
        found = reader.execute(
            "select table_name, list(column_name order by column_index) from duckdb_columns()"
            " where not internal group by all"
        ).fetchall()
        canary = reader.execute(
            "select customer_key, identifier_type from customer_identifier"
            f" where identifier_value = '{CANARY}'"
        ).fetchall()
    assert found == [
        ("customer_identifier", ["customer_key", "identifier_type", "identifier_value"])
    ]
    assert canary == [("c7", "loyalty_card")]
    # A 41st card is known to landing and belongs to nobody: it is not published.
    assert version.manifest.identified.rows == 40
    assert version.manifest.identified.bridge_rows_without_raw_value == 0


def test_the_manifest_tells_what_the_files_hold(version: PublishedVersion) -> None:
    raw = json.loads((version.directory / "manifest.json").read_text())
    assert (raw["version"], raw["parent"], raw["run_id"]) == (1, None, "run-1")
    assert raw["published_at"] == "2026-11-23T08:00:00Z"
    assert raw["data_as_of"] == "2017-12-31"
    assert raw["data_origins"] == ["panel", "synthetic"]
    assert raw["checks"] == {"passed": 212, "failed": 0, "could_not_run": 0}
    orders = version.manifest.marts["commerce.fct_orders"]
    assert (orders.rows, orders.data_origins) == (83, ("panel",))
    assert orders.bytes == (version.directory / orders.parquet).stat().st_size
    hashes = table_hashes(version.analytics_path)
    assert set(hashes) == set(version.manifest.marts)
    assert hashes["commerce.fct_orders"] == (83, orders.content_hash)
    on_disk = {
        path.relative_to(version.directory).as_posix()
        for path in version.directory.rglob("*")
        if path.is_file()
    }
    assert on_disk - {"manifest.json", "manifest.sha256"} == set(version.manifest.files)


def test_modes_are_private_whatever_the_umask(
    settings: Settings, publish_on: Callable[[int | None], PublishResult]
) -> None:
    before = os.umask(0)
    try:
        publish_on(None)
        assert os.umask(0) == 0, "the caller's umask is restored"
    finally:
        os.umask(before)
    modes = {
        path.relative_to(settings.published_dir).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in settings.published_dir.rglob("*")
        if not path.is_symlink()
    }
    assert modes.pop(".publish.lock") == modes.pop(".pointer.lock") == 0o600
    assert modes.pop("history.jsonl") == 0o640
    # Without a group of its own, what names people is for the owner only.
    assert modes.pop("1/identified.duckdb") == 0o400
    assert stat.S_IMODE(settings.published_dir.stat().st_mode) == 0o750
    folders = {name for name in modes if (settings.published_dir / name).is_dir()}
    assert {modes[name] for name in folders} == {0o750}
    assert {modes[name] for name in modes.keys() - folders} == {0o440}


def test_no_write_ahead_log_lies_beside_a_published_file(version: PublishedVersion) -> None:
    assert list(version.directory.rglob("*.wal")) == []


def test_unchanged_marts_share_their_parquet_file_with_the_parent(
    settings: Settings,
    change: Callable[[str], None],
    publish_on: Callable[[int | None], PublishResult],
) -> None:
    publish_on(None)
    change("update kpi.kpi_daily set numerator = 41 where kpi_key = 'visits'")
    second = publish_on(1)
    assert second.changed == ("kpi.kpi_daily",)
    for mart, entry in second.published.manifest.marts.items():
        old, new = (settings.published_dir / str(n) / entry.parquet for n in (1, 2))
        assert old.samefile(new) == (mart != "kpi.kpi_daily"), mart
        assert entry.is_linked_to_parent == (mart != "kpi.kpi_daily")


def test_two_marts_of_one_name_are_refused(
    settings: Settings,
    change: Callable[[str], None],
    publish_on: Callable[[int | None], PublishResult],
) -> None:
    change("create table kpi.dim_customer (a integer)")
    with pytest.raises(PublishError, match=r"customer\.dim_customer and kpi\.dim_customer"):
        publish_on(None)
    assert current(settings) is None


def test_exactly_the_declared_marts_are_published_with_the_keys_of_views(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> None:
    declared = {
        "customer.dim_customer": MartDeclaration(),
        "commerce.fct_orders": MartDeclaration(
            key=("order_key",), required=frozenset({"order_key", "business_date"})
        ),
    }
    publish(settings, run_id="r", parent=None, context=context, declared=declared, options=options)
    with connect(settings) as reader:
        tables = reader.execute("select table_name from duckdb_tables() order by all").fetchall()
        keys = reader.execute(
            "select constraint_text from duckdb_constraints() where table_name = 'fct_orders'"
        ).fetchall()
    assert tables == [("dim_customer",), ("fct_orders",)]
    assert ("PRIMARY KEY(order_key)",) in keys
    assert keys.count(("NOT NULL",)) == 2


def test_a_declared_mart_that_is_missing_or_breaks_its_key_stops_the_publish(
    settings: Settings, context: PublishContext
) -> None:
    with pytest.raises(PublishError, match=r"lacks 1 declared mart\(s\): kpi\.kpi_monthly"):
        publish(
            settings,
            run_id="r",
            parent=None,
            context=context,
            declared={"kpi.kpi_monthly": MartDeclaration()},
        )
    with pytest.raises(PublishError, match="fct_orders breaks a key") as broken:
        publish(
            settings,
            run_id="r",
            parent=None,
            context=context,
            declared={"commerce.fct_orders": MartDeclaration(key=("customer_key",))},
        )
    assert broken.value.__cause__ is None, "DuckDB's text quotes the key"
    assert "c0" not in str(broken.value)
    left = {path.name for path in settings.published_dir.iterdir()}
    assert left == {".publish.lock", ".pointer.lock"}


def test_leftovers_of_a_killed_dbt_are_not_published(
    change: Callable[[str], None], publish_on: Callable[[int | None], PublishResult]
) -> None:
    change("create table kpi.kpi_daily__dbt_tmp as select 1 as a")
    change("create table kpi.kpi_daily__dbt_backup as select 1 as a")
    marts = publish_on(None).published.manifest.marts
    assert not [name for name in marts if "__dbt" in name]


def test_a_warehouse_with_a_write_ahead_log_is_refused(
    settings: Settings, publish_on: Callable[[int | None], PublishResult]
) -> None:
    Path(f"{settings.warehouse_path}.wal").write_bytes(b"")
    with pytest.raises(PublishError, match=r"warehouse\.duckdb\.wal exists"):
        publish_on(None)
