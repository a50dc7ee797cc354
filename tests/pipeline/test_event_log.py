"""Our event log writes what the shipped class reads, and knows its place."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter
from dagster._core.storage.event_log import SqliteEventLogStorage

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
