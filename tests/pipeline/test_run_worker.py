"""Dagster's executor and launcher as this product names them, and steps that lose their worker."""

import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.launcher import WorkerStatus

from orchestration.components import preloading, run_worker
from orchestration.components.run_state import RunEndedError, assert_run_goes_on
from orchestration.components.run_worker import (
    WatchfulRunLauncher,
    end_with_worker,
    multiprocess_executor,
)
from orchestration.file_lock import hold_file, holder_of
from orchestration.settings import PROJECT_DIR, worker_lock_path

SECONDS = 120.0


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance as shipped, in a home of its own."""
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as found:
        yield found


@dg.asset
def lock_of_its_run(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    holder = holder_of(worker_lock_path(context.run.run_id))
    return dg.MaterializeResult(metadata={"holder": holder or "nobody"})


def one_asset() -> dg.JobDefinition:
    definitions = dg.Definitions(
        assets=[lock_of_its_run],
        jobs=[dg.define_asset_job("one_asset", [lock_of_its_run])],
        executor=multiprocess_executor({"max_concurrent": 1}),
    )
    return definitions.resolve_job_def("one_asset")


def test_the_process_that_executes_a_run_holds_the_lock_beside_its_output(
    instance: dg.DagsterInstance,
) -> None:
    with dg.execute_job(dg.reconstructable(one_asset), instance) as result:
        assert result.success
        (made,) = result.asset_materializations_for_node("lock_of_its_run")
    holder = str(made.metadata["holder"].value)
    assert holder.startswith(f"run {result.run_id} (process {os.getpid()}) since 2")
    # The process of a worker would end here.
    while run_worker._held:
        run_worker._held.pop().__exit__(None, None, None)


def started(instance: dg.DagsterInstance, seconds_ago: float) -> dg.DagsterRun:
    made = instance.create_run_for_job(one_asset())
    start = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, made.job_name)
    instance.report_dagster_event(start, made.run_id, timestamp=time.time() - seconds_ago)
    found = instance.get_run_by_id(made.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.STARTED
    return found


def test_run_monitoring_is_told_of_a_worker_that_is_gone_and_of_no_other(
    instance: dg.DagsterInstance,
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchfulRunLauncher)
    assert launcher.supports_check_run_worker_health
    begins, goes_on, lost = (started(instance, seconds) for seconds in (1, 3600, 3600))
    with hold_file(worker_lock_path(goes_on.run_id), "its worker"):
        assert launcher.check_run_worker_health(begins).status is WorkerStatus.RUNNING
        assert launcher.check_run_worker_health(goes_on).status is WorkerStatus.RUNNING
        assert launcher.check_run_worker_health(lost).status is WorkerStatus.FAILED


def worker(said: Connection, *, watched: bool) -> None:
    step = multiprocessing.get_context("forkserver").Process(
        target=run_step, args=(said,), kwargs={"watched": watched}
    )
    step.start()
    said.send(step.pid)
    time.sleep(SECONDS)


def run_step(said: Connection, *, watched: bool) -> None:
    if watched:
        end_with_worker()
        end_with_worker()
    said.send("began")
    time.sleep(SECONDS if watched else 1.0)
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            assert_run_goes_on(instance, "some-run")
    except RunEndedError as error:
        said.send(str(error))


def has_ended(process: psutil.Process) -> bool:
    """Whether it runs no more; the fork server may be slow to take notice."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("watched", [True, False])
def test_a_step_that_loses_its_worker_ends_at_once_or_at_least_before_it_writes(
    *, watched: bool
) -> None:
    reading, writing = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("forkserver").Process(
        target=worker, args=(writing,), kwargs={"watched": watched}
    )
    process.start()
    first, second = reading.recv(), reading.recv()
    step = psutil.Process(first if isinstance(first, int) else second)
    process.kill()
    if watched:
        deadline = time.monotonic() + SECONDS * 0.8
        while not has_ended(step):
            assert time.monotonic() < deadline, "the step goes on without its worker"
            time.sleep(0.05)
        assert not reading.poll()
    else:
        assert reading.poll(SECONDS)
        assert "the process that executed run some-run has ended" in reading.recv()


def fork_server_of_a_run(answer: Connection) -> None:
    preloading.PRELOADED_MODULES = ()  # type: ignore[assignment]
    preloading.start_fork_server_of_run()
    answer.send(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


def test_the_fork_server_is_started_by_who_executes_a_run_and_by_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the project is read: a run from the UI comes to its first step seconds earlier."""
    started: list[bool] = []
    monkeypatch.setattr(forkserver, "ensure_running", lambda: started.append(True))
    assert multiprocessing.parent_process() is None
    preloading.start_fork_server_of_run()
    assert started == []
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=fork_server_of_a_run, args=(theirs,))
    worker.start()
    assert ours.poll(60), "nothing was answered"
    assert ours.recv() is not None
    worker.join()
    code = (PROJECT_DIR / "orchestration" / "definitions.py").read_text("utf-8")
    assert code.index("\nstart_fork_server_of_run()") < code.index("\ndefs = build_defs()")
