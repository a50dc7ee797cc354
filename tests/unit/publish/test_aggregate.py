"""Small cells never reach the folder that is safe for everyone."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import PublishError, PublishResult, current
from orchestration.publish.aggregate_files import AggregateRule, write_aggregate
from orchestration.settings import Settings


def rows(settings: Settings, name: str, columns: str) -> list[tuple[object, ...]]:
    version = current(settings)
    assert version is not None
    file = version.directory / "aggregate" / f"{name}.parquet"
    with duckdb.connect() as reader:
        found: list[tuple[object, ...]] = reader.execute(
            f"select {columns} from read_parquet('{file}') order by all"
        ).fetchall()
    return found


def test_days_with_fewer_than_ten_people_behind_a_kpi_are_left_out(served: Settings) -> None:
    kept = rows(served, "kpi_daily", "kpi_key, date::varchar, channel_key, data_origin")
    assert kept == [
        ("coupon_redemptions", "2017-12-01", "store", "panel"),
        ("orders", "2017-12-01", "store", "panel"),
        ("orders", "2017-12-02", "store", "panel"),
    ]
    # Left out: three customers on the 3rd; no web order; no synthetic order; two redemptions
    # on a day with forty customers; and a KPI whose people nobody counts.


def test_a_campaign_type_with_few_responders_is_left_out(served: Settings) -> None:
    assert rows(served, "kpi_campaign", "campaign_type") == [("A",)]


def test_the_rule_and_what_was_left_out_are_said(served: Settings) -> None:
    version = current(served)
    assert version is not None
    aggregate = version.manifest.aggregate
    assert {mart: entry.suppressed_rows for mart, entry in aggregate.marts.items()} == {
        "kpi.dim_kpi": 0,
        "kpi.kpi_daily": 5,
        "kpi.kpi_campaign": 1,
    }
    assert aggregate.fewest_people == 10
    assert "at least 10 different known customers" in aggregate.marts["kpi.kpi_daily"].rule
    readme = (version.directory / "aggregate" / "README.md").read_text()
    for entry in aggregate.marts.values():
        assert entry.rule in readme
    assert list(aggregate.left_out) == ["kpi.kpi_unruled"]
    assert "kpi.kpi_unruled" in readme
    assert not (version.directory / "aggregate" / "kpi_unruled.parquet").exists()


def test_a_rule_that_does_not_fit_stops_the_publish(
    settings: Settings,
    change: Callable[[str], None],
    publish_on: Callable[[int | None], PublishResult],
) -> None:
    change("alter table kpi.dim_kpi drop column fact")
    with pytest.raises(PublishError, match=r"small cells of kpi\.kpi_daily does not fit"):
        publish_on(None)
    assert current(settings) is None


@pytest.mark.parametrize("people,kept", [(9, 0), (10, 1), (11, 1)])
def test_ten_people_are_enough_and_nine_are_not(tmp_path: Path, people: int, kept: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema kpi; create table kpi.k as select null as day")
        rule = AggregateRule(
            mart="kpi.k",
            sentence="At least {fewest}.",
            key=("day",),
            people=f"select null as day, {people} as people",
        )
        summary = write_aggregate(connection, tmp_path, {"kpi.k"}, [rule])
    assert (summary.marts["kpi.k"].rows, summary.marts["kpi.k"].rule) == (kept, "At least 10.")
