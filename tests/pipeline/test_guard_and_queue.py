"""What runs that wait in Dagster's queue have planned is no answer of a check."""

import sys
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from orchestration.components.guard import closed_gates

CHECK = dg.AssetCheckKey(dg.AssetKey("table"), "holds")


refused: list[bool] = []
"""Holds something while what is delivered is refused."""


@dg.multi_asset(
    specs=[dg.AssetSpec("table", skippable=True)],
    check_specs=[dg.AssetCheckSpec("holds", asset="table", blocking=True)],
)
def table() -> Iterator[object]:
    """Like a landing that blocks: of a refused batch nothing is materialised."""
    if not refused:
        yield dg.MaterializeResult("table")
    yield dg.AssetCheckResult(passed=not refused, asset_key="table", check_name="holds")


@dg.asset(deps=["table"])
def reader() -> None: ...


DEFS = dg.Definitions(assets=[table, reader], executor=dg.in_process_executor)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def job() -> dg.JobDefinition:
    return DEFS.resolve_implicit_global_asset_job_def()


def closed(instance: dg.DagsterInstance) -> list[str]:
    return list(map(str, closed_gates(instance, DEFS.resolve_asset_graph(), [reader.key])))


def latest(instance: dg.DagsterInstance) -> str:
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])
    return found[CHECK].run_id


def wait(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(job())


def test_a_run_that_waits_closes_no_gate_and_opens_none(instance: dg.DagsterInstance) -> None:
    assert wait(instance).run_id == latest(instance)
    assert closed(instance) == ["table was never built"]
    assert job().execute_in_process(instance=instance).success
    assert closed(instance) == []
    for _ in range(9):
        waiting = wait(instance)
    assert waiting.run_id == latest(instance)
    assert closed(instance) == []


@pytest.mark.parametrize("others", [1, 9])
def test_a_run_that_waited_longer_than_others_has_the_last_word(
    instance: dg.DagsterInstance, others: int
) -> None:
    waiting = wait(instance)
    for _ in range(others):
        other = job().execute_in_process(instance=instance)
    assert execute_run(InMemoryJob(job()), waiting, instance).success
    assert latest(instance) == other.run_id
    assert closed(instance) == []


@pytest.mark.parametrize("others", [1, 9])
def test_it_has_the_last_word_also_when_it_refused_and_made_nothing(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    waiting = wait(instance)
    for _ in range(others):
        assert job().execute_in_process(instance=instance).success
    monkeypatch.setattr(sys.modules[__name__], "refused", [True])
    execute_run(InMemoryJob(job()), waiting, instance)
    (problem,) = closed(instance)
    assert "holds" in problem
    assert "failed" in problem
    monkeypatch.undo()
    assert job().execute_in_process(instance=instance).success
    assert closed(instance) == []


def test_a_run_that_began_and_gave_no_answer_closes_the_gate(instance: dg.DagsterInstance) -> None:
    assert job().execute_in_process(instance=instance).success
    broken = wait(instance)
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, broken.job_name), broken.run_id
    )
    wait(instance)
    (problem,) = closed(instance)
    assert f"gave no answer in run {broken.run_id}" in problem
