"""The process that executes a run: whether it lives, and that no step outlives it.

A lock beside the run's output says that it lives: the operating system lets go of it, however
the process ends. Dagster's own launcher never asks; only the code server that started a worker
sees it die, so a run that lost its server too would hold the queue for ever. Named in
dagster.yaml and in `orchestration.definitions`; `tests/pipeline/test_run_worker.py` is the
contract test of what is overridden.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from multiprocessing.connection import wait
from typing import Any, cast

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

from orchestration.file_lock import hold_file, holder_of
from orchestration.settings import worker_lock_path

_SECONDS_TO_BEGIN = 30.0
"""A run is called started some moments before its worker takes the lock."""

_held: list[AbstractContextManager[None]] = []
_watching = threading.Event()


def has_lost_its_worker(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run that is called started is executed by nobody any more."""
    if holder_of(worker_lock_path(run_id)) is not None:
        return False
    record = instance.get_run_record_by_id(run_id)
    begun = None if record is None else record.start_time
    return begun is not None and time.time() - begun > _SECONDS_TO_BEGIN


class WatchfulRunLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher, which also tells run monitoring whether a worker lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        if has_lost_its_worker(self._instance, run.run_id):
            return CheckRunHealthResult(WorkerStatus.FAILED, "the process that executed it ended")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def multiprocess_executor(config: Mapping[str, Any]) -> dg.ExecutorDefinition:
    """Dagster's executor with this configuration, in a process that is known to live."""
    shipped = dg.multiprocess_executor
    create = shipped.executor_creation_fn
    if create is None:
        raise TypeError("Dagster's multiprocess executor cannot be created any more")
    return dg.ExecutorDefinition(
        name=shipped.name,
        config_schema=cast("Any", shipped.config_schema),
        requirements=dg.multiple_process_executor_requirements(),
        executor_creation_fn=lambda context: _Executor(create(context)),
        description=shipped.description,
    ).configured(config)


class _Executor(dg.Executor):
    def __init__(self, shipped: dg.Executor) -> None:
        self._shipped = shipped

    @property
    def retries(self) -> RetryMode:
        return self._shipped.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return self._shipped.step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        run_id = plan_context.run_id
        lock = hold_file(worker_lock_path(run_id), f"run {run_id}", _SECONDS_TO_BEGIN)
        lock.__enter__()
        # Never let go of: the run is called started for some moments behind its last step.
        _held.append(lock)
        yield from self._shipped.execute(plan_context, execution_plan)


def worker_lives() -> bool:
    """Whether the process that started this step is there; true outside of a step's process."""
    worker = multiprocessing.parent_process()
    return worker is None or worker.is_alive()


def end_with_worker() -> None:
    """Let this step's process be killed as soon as the process that started it has ended.

    What a kill leaves is healed by the next run. A step that goes on instead would write for
    nobody, hold the warehouse while others wait, and never end: nobody reads what it tells.
    """
    worker = multiprocessing.parent_process()
    if worker is None or _watching.is_set():
        return
    _watching.set()
    threading.Thread(
        target=_end_when_ready, args=(worker.sentinel,), name="end-with-worker", daemon=True
    ).start()


def _end_when_ready(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
