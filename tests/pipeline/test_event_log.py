"""Our event log writes what the shipped class reads, and knows its place."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.components.event_log import WarmSqliteEventLogStorage
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
