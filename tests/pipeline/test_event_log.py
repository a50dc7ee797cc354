"""Our event log writes what the shipped class reads, and knows its place."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events.log import EventLogEntry
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from orchestration.components.event_log import WarmSqliteEventLogStorage
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.settings import PROJECT_DIR


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """The instance as shipped, in a home of its own."""
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return dg.DagsterInstance.get()


def test_the_shipped_class_reads_what_ours_wrote(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("is_whole", asset="sale")])
    def sale() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    assert isinstance(instance.event_log_storage, WarmSqliteEventLogStorage)
    result = dg.materialize([sale], instance=instance)
    ours = [entry.message for entry in instance.all_logs(result.run_id)]
    instance.dispose()

    shipped = SqliteEventLogStorage(base_dir=str(tmp_path / "history" / "runs"))
    theirs = [entry.message for entry in shipped.get_logs_for_run(result.run_id)]
    assert theirs == ours
    assert any("is_whole" in message or "sale" in message for message in theirs)
    check = dg.AssetCheckKey(dg.AssetKey("sale"), "is_whole")
    (record,) = shipped.get_asset_check_execution_history(check, limit=5)
    assert record.run_id == result.run_id


def test_a_batch_is_stored_whole_and_reads_as_if_told_one_by_one(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = dg.DailyPartitionsDefinition("2017-01-01", end_date="2017-03-01")

    @dg.asset(
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("is_whole", asset="sale")],
    )
    def sale() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    log = instance.event_log_storage
    assert isinstance(log, WarmSqliteEventLogStorage)
    batches: list[int] = []
    stored = type(log).store_event_batch

    def counted(self: WarmSqliteEventLogStorage, events: Sequence[EventLogEntry]) -> None:
        batches.append(len(events))
        stored(self, events)

    monkeypatch.setattr(type(log), "store_event_batch", counted)
    job = dg.Definitions(assets=[sale]).resolve_implicit_global_asset_job_def()
    tags = {
        "dagster/asset_partition_range_start": "2017-01-01",
        "dagster/asset_partition_range_end": "2017-02-28",
    }
    result = job.execute_in_process(instance=instance, tags=tags)
    assert batches == [59 + 1, 59], "what is planned with its check, and what was built"
    ours = [entry.message for entry in instance.all_logs(result.run_id)]
    instance.dispose()

    shipped = SqliteEventLogStorage(base_dir=str(tmp_path / "history" / "runs"))
    assert [entry.message for entry in shipped.get_logs_for_run(result.run_id)] == ours
    asset = dg.AssetKey("sale")
    assert len(shipped.get_materialized_partitions(asset)) == 59
    (record,) = shipped.get_asset_records([asset])
    last = record.asset_entry.last_materialization
    assert last is not None
    assert last.run_id == result.run_id
    assert record.asset_entry.last_run_id == result.run_id


def test_a_batch_that_breaks_leaves_nothing_of_itself(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset
    def sale() -> None: ...

    result = dg.materialize([sale], instance=instance)
    log = instance.event_log_storage
    assert isinstance(log, WarmSqliteEventLogStorage)
    before = [entry.message for entry in instance.all_logs(result.run_id)]
    events = [
        record.event_log_entry
        for record in instance.fetch_materializations(dg.AssetKey("sale"), limit=1).records
    ]
    stored = log._store_asset_event
    calls: list[int] = []

    def breaks_at_the_second(*arguments: Any) -> None:
        calls.append(len(calls))
        if len(calls) > 1:
            raise OSError("disk")
        stored(*arguments)

    monkeypatch.setattr(log, "_store_asset_event", breaks_at_the_second)
    with pytest.raises(OSError, match="disk"):
        log.store_event_batch([*events, *events])
    assert len(calls) == 2
    assert [entry.message for entry in instance.all_logs(result.run_id)] == before
    assert len(instance.fetch_materializations(dg.AssetKey("sale"), limit=9).records) == 1


def test_a_batch_whose_second_file_cannot_be_opened_is_no_trap_for_the_next(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset
    def sale() -> None: ...

    result = dg.materialize([sale], instance=instance)
    log = instance.event_log_storage
    assert isinstance(log, WarmSqliteEventLogStorage)
    (record,) = instance.fetch_materializations(dg.AssetKey("sale"), limit=1).records
    engine_of = log._engine
    with monkeypatch.context() as patched:

        def only_the_run(shard: str) -> Engine:
            if shard == INDEX_SHARD_NAME:
                raise OSError("no index")
            return engine_of(shard)

        patched.setattr(log, "_engine", only_the_run)
        _fails(log, record.event_log_entry)
    log.store_event(record.event_log_entry)
    assert len(instance.fetch_materializations(dg.AssetKey("sale"), limit=9).records) == 2
    assert result.success


def _fails(log: WarmSqliteEventLogStorage, event: EventLogEntry) -> None:
    with pytest.raises(OSError, match="no index"):
        log.store_event_batch([event, event])


def test_the_first_two_runs_of_a_new_instance_find_the_pool_of_those_that_write(
    instance: dg.DagsterInstance,
) -> None:
    """As the queue asks: for the limits' names first, and once for all runs that wait."""

    @dg.asset(pool=WAREHOUSE_POOL)
    def sale() -> None: ...

    job = dg.Definitions(assets=[sale]).resolve_implicit_global_asset_job_def()
    waiting = [instance.create_run_for_job(job) for _ in range(2)]
    pools = instance.get_concurrency_config().pool_config
    counter = GlobalOpConcurrencyLimitsCounter(
        instance,
        waiting,
        [],
        instance.event_log_storage.get_concurrency_keys(),
        instance.event_log_storage.get_pool_limits(),
        pool_granularity=pools.pool_granularity,
    )
    assert not counter.is_blocked(waiting[0])
    counter.update_counters_with_launched_item(waiting[0])
    assert counter.is_blocked(waiting[1])


def test_a_shard_that_stands_is_opened_without_reading_migrations(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset
    def sale() -> None:
        """Nothing."""

    run_id = dg.materialize([sale], instance=instance).run_id
    instance.dispose()
    asked: list[Engine] = []
    monkeypatch.setattr(
        SqliteEventLogStorage, "_initdb", lambda _self, engine, *_args: asked.append(engine)
    )
    again = WarmSqliteEventLogStorage(str(tmp_path / "history" / "runs"))
    assert again.get_logs_for_run(run_id)
    assert again.get_asset_records([dg.AssetKey("sale")])
    assert asked == []
    with pytest.raises(OperationalError, match="no such table"):
        again.get_logs_for_run("a-run-without-a-shard")
    assert len(asked) == 1
    again.dispose()


def test_a_table_that_was_seen_is_not_looked_for_again(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = instance.event_log_storage
    assert isinstance(log, WarmSqliteEventLogStorage)
    assert not log.has_table("bones")
    assert log.supports_asset_checks
    monkeypatch.setattr(SqliteEventLogStorage, "has_table", lambda *_args: False)
    assert log.supports_asset_checks
    assert not log.has_table("bones")
