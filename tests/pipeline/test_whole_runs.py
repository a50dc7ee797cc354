"""Whole runs of a tiny world: accounts, empties, repetition, bad days, the registry."""

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from orchestration.components.arrivals import new_deliveries
from orchestration.components.build_chain import REBUILD_TAG
from orchestration.components.calendar import range_tags
from orchestration.landing.stored_files import digest_of
from orchestration.publish import connect, current
from tests.pipeline.worlds import FIRST, LAST, World

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def ask(world: World, sql: str) -> list[tuple[Any, ...]]:
    connection = connect(world.settings)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.mission("M001", part="sources are registered; the other channels come later")
def test_every_landed_asset_has_its_row_in_dim_source(world: World) -> None:
    registered = {
        f"landing/{source}/{entity}"
        for source, entity in ask(world, "select source_key, entity from dim_source")
    }
    landed = {
        key.to_user_string()
        for key in world.defs().resolve_asset_graph().materializable_asset_keys
        if key.path[0] == "landing"
    }
    assert registered == landed


@pytest.mark.slow
def test_a_second_run_is_hash_equal_and_makes_no_version(world: World) -> None:
    before = current(world.settings)
    assert before is not None
    run = world.run(days=(FIRST, LAST))
    assert run.success, run.failures
    after = current(world.settings)
    assert after is not None
    assert after.version == before.version == 1
    assert after.manifest == before.manifest
    # Nothing was built but quality, so every other answer behind landing stands.
    behind_landing = {
        asset: evaluation
        for (asset, _), evaluation in run.checks.items()
        if asset.split("/")[0] not in {"landing", "publish"}
    }
    stand = {name for name, found in behind_landing.items() if "answered_by_run" in found.metadata}
    asked = set(behind_landing) - stand
    assert {name.split("/")[0] for name in asked} == {"quality"}
    assert not {name for name in stand if name.startswith("quality/")}
    said = behind_landing["commerce/fct_orders"]
    assert said.passed
    assert "nothing that it reads was built since" in str(said.description)


def test_a_check_that_somebody_asks_for_by_itself_is_asked(world: World) -> None:
    for asset, check in (
        ("commerce/fct_orders", "expectations"),
        ("commerce/fct_orders", "names_its_rows_fct_orders_order_key"),
    ):
        run = world.run([], only_check=(asset, check))
        assert run.success, run.failures
        assert "answered_by_run" not in run.checks[(asset, check)].metadata


@pytest.mark.slow
def test_a_run_that_builds_everything_anew_asks_everything_anew(world: World) -> None:
    for tags, stands in (({}, True), ({REBUILD_TAG: "yes"}, False)):
        run = world.run(["customer/dim_customer"], tags=tags)
        assert run.success, run.failures
        said = {"answered_by_run" in evaluation.metadata for evaluation in run.checks.values()}
        assert said == {stands}
        assert len(run.checks) > len({asset for asset, _ in run.checks})


def test_every_record_is_accounted_for(world: World) -> None:
    for row in world.ledger.accounting():
        assert row["physical_rows"] == row["landed_rows"] + row["quarantined_rows"]
        delivered = pq.ParquetFile(world.settings.panel_files() / f"{row['entity']}.parquet")
        assert row["physical_rows"] == delivered.metadata.num_rows
    open_accounts = ask(world, "select check_key from dq_reconciliation where not is_balanced")
    assert open_accounts == []


def test_a_run_without_news_still_shows_the_rows_and_columns_that_landing_serves(
    world: World,
) -> None:
    name = "landing/complete_journey/transactions"
    run = world.run([name])
    assert run.success, run.failures
    event = world.instance().get_latest_materialization_event(dg.AssetKey(name.split("/")))
    assert event is not None
    assert event.asset_materialization is not None
    shown = event.asset_materialization.metadata
    delivered = pq.ParquetFile(world.settings.panel_files() / "transactions.parquet")
    assert shown["rows_landed"].value == 0
    assert shown["dagster/row_count"].value == delivered.metadata.num_rows
    schema = shown["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert {"_business_date", "_batch_id"} <= {column.name for column in schema.columns}
    assert [column.name for column in schema.columns if not column.description] == []


@pytest.mark.slow
def test_a_row_lost_behind_the_ledger_closes_the_accounts(world: World) -> None:
    batch = world.ledger.current("complete_journey", "transactions")["2017-01-03"]
    path = world.settings.home / str(batch.file)
    rows = pd.read_parquet(path)
    with duckdb.connect() as connection:
        connection.register("kept", rows.iloc[1:])
        kept = path.with_suffix(".kept")
        connection.execute(f"copy (select * from kept) to '{kept.as_posix()}' (format parquet)")
    kept.replace(path)
    # Its digest would tell at once; here somebody has changed the books as well.
    with sqlite3.connect(world.settings.ledger_path) as books:
        books.execute(
            "update landed_files set sha256 = ?"
            " where batch_id in (select batch_id from batches where file = ?)",
            (digest_of(path), batch.file),
        )
    run = world.run()
    assert not run.success
    assert any("assert_every_account_balances" in check for check in run.failed_checks())
    assert not {name for name in run.materialised if name.startswith("publish/")}
    assert world.published_version() == 1


@pytest.mark.slow
@pytest.mark.mission("A13", part="a bad day is quarantined alone, the others go on")
def test_one_bad_day_of_a_range_is_quarantined_alone(world: World) -> None:
    bad = world.day_of_transactions(date(2017, 1, 5)).rename(columns={"basket_id": "receipt"})
    world.deliver("transactions", "2017-01-05", bad)
    for day in (4, 6):
        good = world.day_of_transactions(date(2017, 1, day))
        world.deliver("transactions", f"2017-01-{day:02}", good.iloc[:-1])
    run = world.run(days=(FIRST, LAST))
    assert run.success, run.failures
    (refusal,) = world.ledger.open_refusals()
    assert refusal.partition_key == "2017-01-05"
    assert "missing column basket_id (delivered instead: receipt)" in refusal.reason
    assert world.published_version() == 2
    lines = dict(
        ask(
            world,
            "select business_date, count(*) from fct_order_lines group by business_date",
        )
    )
    for day, kept in ((4, -1), (5, None), (6, -1)):
        expected = len(world.day_of_transactions(date(2017, 1, day)).iloc[:kept])
        assert lines[date(2017, 1, day)] == expected
    quarantined = world.settings.quarantine_dir / "complete_journey" / "transactions"
    assert [path.name for path in quarantined.iterdir()] == ["2017-01-05"]


@pytest.mark.slow
def test_an_entity_that_never_landed_has_typed_and_empty_contracts(
    empty_world: World, tiny_panel: Path, tmp_path: Path
) -> None:
    missing = {"coupons", "coupon_redemptions", "demographics"}
    panel = tmp_path / "panel"
    panel.mkdir()
    for path in tiny_panel.glob("*.parquet"):
        if path.stem not in missing:
            (panel / path.name).symlink_to(path)
    empty_world.environment["SHOPTHREAD_PANEL_DIR"] = str(panel)
    run = empty_world.run(days=(FIRST, LAST))
    assert run.success, run.failures
    assert empty_world.published_version() == 1
    assert ask(empty_world, "select count(*) from fct_coupon_events") == [(0,)]
    types = dict(
        ask(
            empty_world,
            "select column_name, data_type from duckdb_columns()"
            " where table_name = 'fct_coupon_events' and schema_name = 'commerce'",
        )
    )
    assert types["business_date"] == "DATE"
    states = dict(ask(empty_world, "select entity, freshness_state from dq_freshness"))
    assert {entity for entity, state in states.items() if state == "missing"} == missing


def test_no_raw_identifier_leaves_the_vault(world: World) -> None:
    (canary,) = pd.read_parquet(world.settings.identifiers_dir)["raw"].sample(1, random_state=1)
    tokens = ask(world, "select distinct token from bridge_customer_identifier")
    assert tokens
    assert all(len(token) == 32 and token != canary for (token,) in tokens)
    columns = {name for (name,) in ask(world, "select column_name from duckdb_columns()")}
    assert "household_id" not in columns


def test_the_schedule_asks_for_what_arrived_and_for_nothing_twice(
    world: World, empty_world: World
) -> None:
    empty_world.enter()
    (everything,) = new_deliveries(empty_world.settings, empty_world.ledger, NOW)
    assert everything.tags == range_tags(FIRST, LAST)
    world.enter()
    assert new_deliveries(world.settings, world.ledger, NOW) == []
    for day in (4, 5, 9):
        rows = world.day_of_transactions(date(2017, 1, day)).iloc[:-1]
        world.deliver("transactions", f"2017-01-{day:02}", rows)
    spans = new_deliveries(world.settings, world.ledger, NOW)
    assert [span.tags for span in spans] == [
        range_tags(date(2017, 1, 4), date(2017, 1, 5)),
        range_tags(date(2017, 1, 9), date(2017, 1, 9)),
    ]
    assert len({span.run_key for span in spans}) == 2
