"""Old runs leave the Dagster history whole, and no gate, day or version notices it."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.api import create_execution_plan
from dagster._core.instance import DagsterInstance

from orchestration.cli.status import gather
from orchestration.components import run_history
from orchestration.components.event_log import WarmSqliteEventLogStorage
from orchestration.components.guard import closed_gates
from orchestration.components.run_history import remove_old_runs, tidy_history
from orchestration.settings import PROJECT_DIR, Settings, load_settings
from tests.pipeline.worlds import World

DAYS = dg.DailyPartitionsDefinition("2017-01-01", end_date="2017-01-10")
LATER = timedelta(days=181)
BAG = "what a step printed"


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("whole", asset="sale")])
def sale(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    print(BAG)
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(deps=[sale], check_specs=[dg.AssetCheckSpec("sum", asset="mart", blocking=True)])
def mart(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if "break" in context.run.tags:
        raise RuntimeError("as the test wanted")
    print(BAG)
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(deps=[mart])
def report() -> None:
    """Behind the gate of `mart`."""


ASSETS = [sale, mart, report]


class House:
    """The instance as shipped, in a home of its own, and runs of a small graph."""

    def __init__(self, home: Path) -> None:
        self.settings: Settings = load_settings({"SHOPTHREAD_HOME": str(home)})
        self.instance = DagsterInstance.get()
        self.graph = dg.Definitions(assets=ASSETS).resolve_asset_graph()

    @property
    def events(self) -> WarmSqliteEventLogStorage:
        events = self.instance.event_log_storage
        assert isinstance(events, WarmSqliteEventLogStorage)
        return events

    def run(self, *assets: dg.AssetsDefinition, day: int | None = None, tag: str = "none") -> str:
        """Build some assets; returns the id of the run. Tagged `break` it fails."""
        partition = None if day is None else f"2017-01-{day:02}"
        result = dg.materialize(
            ASSETS,
            instance=self.instance,
            selection=list(assets),
            partition_key=partition,
            tags={tag: "yes"},
            raise_on_error=False,
        )
        assert result.success == (tag != "break")
        return result.run_id

    def remove(self, after: timedelta = LATER) -> set[str]:
        return set(remove_old_runs(self.instance, self.settings, datetime.now(UTC) + after))

    def runs(self) -> set[str]:
        return {found.run_id for found in self.instance.get_runs()}

    def files_of(self, run_id: str) -> list[Path]:
        home = self.settings.dagster_home
        places = (*home.glob("history/runs/*"), *home.glob("storage/*"))
        return [path for path in places if path.name.startswith(run_id)]

    def rows_of(self, run_id: str) -> dict[str, int]:
        """Rows of a run in every table of the history that has a run in it."""
        found = {}
        for path in (*self.settings.dagster_home.glob("history/runs.db"), self.index):
            with closing(sqlite3.connect(path)) as connection:
                for (table,) in connection.execute(
                    "select m.name from sqlite_master as m, pragma_table_info(m.name) as c"
                    " where m.type = 'table' and c.name = 'run_id'"
                ).fetchall():
                    (found[table],) = connection.execute(
                        f"select count(*) from {table} where run_id = ?", [run_id]
                    ).fetchone()
        return {table: rows for table, rows in found.items() if rows}

    @property
    def index(self) -> Path:
        return self.settings.dagster_home / "history" / "runs" / "index.db"

    def what_the_guard_sees(self) -> list[str]:
        return [str(gate) for gate in closed_gates(self.instance, self.graph, [report.key], "sale")]

    def landed_days(self) -> set[str]:
        return set(self.instance.get_materialized_partitions(sale.key))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    home = tmp_path / "var"
    (home / "dagster").mkdir(parents=True)
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", home / "dagster" / "dagster.yaml")
    monkeypatch.setenv("SHOPTHREAD_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    return House(home)


def test_an_old_run_goes_with_its_events_its_file_and_what_its_steps_printed(house: House) -> None:
    old = house.run(mart)
    newest = house.run(mart)
    assert len(house.files_of(old)) >= 2, "a shard and a folder of output"
    assert house.rows_of(old).keys() >= {"runs", "run_tags", "event_logs", "asset_check_executions"}
    assert house.remove() == {old}
    assert house.runs() == {newest}
    assert house.files_of(old) == []
    assert house.rows_of(old) == {}
    assert house.files_of(newest) != []
    assert house.remove() == set()


def test_a_run_that_is_not_old_stays(house: House) -> None:
    ran = {house.run(mart), house.run(mart)}
    assert house.remove(timedelta(days=179)) == set()
    assert house.runs() == ran


def test_the_guard_says_the_same_before_and_after(house: House) -> None:
    superseded = {house.run(sale, day=1), house.run(mart)}
    holds_a_check = house.run(sale, day=2)
    holds_a_build = house.run(mart)
    assert house.what_the_guard_sees() == []
    assert house.remove() == superseded
    assert house.what_the_guard_sees() == []

    # A check that was planned and has no answer keeps a gate closed, and so must its run.
    broken = house.run(mart, tag="break")
    (closed,) = house.what_the_guard_sees()
    assert f"gave no answer in run {broken}" in closed
    assert house.remove() == set()
    assert house.what_the_guard_sees() == [closed]
    assert house.runs() == {holds_a_check, holds_a_build, broken}

    opened = house.run(mart)
    assert house.remove() == {holds_a_build, broken}
    assert house.what_the_guard_sees() == []
    assert house.runs() == {holds_a_check, opened}


def test_a_day_that_an_old_run_landed_stays_landed(house: House) -> None:
    first, again = house.run(sale, day=1), house.run(sale, day=1)
    newest = house.run(sale, day=2)
    assert house.remove() == {first, again}
    assert house.landed_days() == {"2017-01-01", "2017-01-02"}
    # What is left of a day is its newest materialisation alone.
    assert house.rows_of(first) == {}
    assert house.rows_of(again) == {"event_logs": 1}
    assert house.files_of(again) == []
    (event,) = house.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=sale.key, asset_partitions=["2017-01-01"]), limit=5
    ).records
    assert event.run_id == again
    assert house.runs() == {newest}


def test_a_run_that_goes_on_stays_whatever_its_age(house: House) -> None:
    job = dg.define_asset_job("one", [mart]).resolve(asset_graph=house.graph)
    going_on = house.instance.create_run_for_job(
        job, execution_plan=create_execution_plan(job), status=dg.DagsterRunStatus.STARTED
    ).run_id
    house.run(mart)
    assert house.remove() == set()
    assert going_on in house.runs()


@pytest.mark.parametrize("reached", ["the output", "the events", "the file"])
def test_a_removal_that_was_broken_off_is_finished_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch, reached: str
) -> None:
    old, newest = house.run(mart), house.run(mart)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    place: dict[str, tuple[object, str]] = {
        "the output": (WarmSqliteEventLogStorage, "forget_run"),
        "the events": (Path, "unlink"),
        "the file": (type(house.instance.run_storage), "delete_run"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*place[reached], killed)
        with pytest.raises(KeyboardInterrupt):
            house.remove()
    assert house.runs() == {old, newest}, "the record goes last"
    assert house.remove() == {old}
    assert house.rows_of(old) == {}
    assert house.files_of(old) == []


def test_what_the_deletion_of_a_run_in_the_ui_leaves_goes_as_well(house: House) -> None:
    deleted = house.run(mart)
    house.run(mart)
    house.instance.delete_run(deleted)
    assert house.files_of(deleted) != [], "Dagster leaves files"
    assert house.remove(timedelta(days=179)) == set()
    assert house.remove() == {deleted}
    assert house.files_of(deleted) == []


def test_what_is_no_run_is_left_alone(house: House) -> None:
    house.run(mart)
    stranger = house.settings.dagster_home / "storage" / "notes"
    stranger.mkdir(parents=True)
    assert house.remove() == set()
    assert stranger.is_dir()
    assert house.index.is_file()


def test_what_goes_wrong_is_a_warning_that_names_a_kind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> tuple[str, ...]:
        raise OSError(28, "of bits and bobs")

    @dg.asset
    def tidy(context: dg.AssetExecutionContext) -> None:
        tidy_history(context, house.settings)

    monkeypatch.setattr(run_history, "remove_old_runs", fails)
    result = dg.materialize([tidy], instance=house.instance)
    assert result.success
    told = " ".join(entry.message for entry in house.instance.all_logs(result.run_id))
    assert "old runs were not removed from the history (OSError ENOSPC" in told
    assert "of bits and bobs" not in told


def test_events_that_lie_elsewhere_are_left_alone(house: House) -> None:
    told = pytest.raises(run_history.ForeignHistoryError, match="which this product does not")
    with DagsterInstance.ephemeral() as elsewhere, told:
        remove_old_runs(elsewhere, house.settings, datetime.now(UTC))


# -- the whole product ------------------------------------------------------------------


def grow_old(world: World, run_ids: set[str], days: int = 400) -> None:
    """Move runs back in time."""
    path = world.settings.dagster_home / "history" / "runs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for run_id in run_ids:
            connection.execute(
                "update runs set create_timestamp = datetime(create_timestamp, ?),"
                " start_time = start_time - ?, end_time = end_time - ? where run_id = ?",
                [f"-{days} days", days * 86_400, days * 86_400, run_id],
            )


def told(world: World) -> dict[str, object]:
    """What `status` says, but for what a run changes by having run."""
    facts = gather(world.settings)
    return {name: value for name, value in facts.items() if name != "last_run"}


def everything_closed(world: World) -> list[str]:
    graph = world.defs().resolve_asset_graph()
    return [
        str(gate)
        for gate in closed_gates(
            world.instance(), graph, [dg.AssetKey(["publish", "published_version"])]
        )
    ]


@pytest.mark.slow
def test_a_publish_removes_old_runs_and_guard_and_status_say_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = world.latest_run_id()
    products = world.delivered("products")
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/products"
    world.deliver("products", "snapshot", products.drop(columns="brand"))
    refused = world.run()
    assert not refused.success
    world.deliver("products", "snapshot", products)
    repaired = world.run()
    assert repaired.success, repaired.failures
    grow_old(world, {published, refused.run_id, repaired.run_id})
    before = told(world), everything_closed(world)
    assert before[1] == []

    tidying = world.run(["publish/published_version"])
    assert tidying.success, tidying.failures
    assert (told(world), everything_closed(world)) == before
    kept = {found.run_id for found in world.instance().get_runs()}
    # The first run published what is served, and the repairing one judged what stands.
    assert kept == {published, repaired.run_id, tidying.run_id}
    said = [entry.message for entry in world.instance().all_logs(tidying.run_id)]
    assert any("1 run that ended more than 180 days ago" in message for message in said)
