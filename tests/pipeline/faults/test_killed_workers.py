"""Run workers killed while a step writes: with the daemon, without it, and all at once.

The run is called failed, the queue goes on, nothing of the run writes any more, and the run
that waited ends like any other. Whole commands that are killed are in `test_killed_at_random`.
"""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestration.failpoints import Action, Place
from orchestration.file_lock import holder_of
from orchestration.settings import Settings
from orchestration.warehouse.stamps import read_stamps
from tests.pipeline.command_line import CommandLine
from tests.pipeline.dagster_server import DagsterServer, serve
from tests.pipeline.faults.aftermath import assert_one_whole_version, deliver
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

MARKED_SECONDS = 90.0
"""The stated time until a killed run is called failed; measured ones are in the docs."""
NEXT_SECONDS = 30.0
"""The stated time until a waiting run goes on, once the lock is free."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Seconds until `condition` was true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


@dataclass(frozen=True)
class Writer:
    """A step that holds the warehouse, and the process that executes its run."""

    run_id: str
    step: psutil.Process
    worker: psutil.Process


def card(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError):
        return {}
    return dict(found) if holder_of(path) is not None else {}


def writer(settings: Settings, seconds: float = 240.0) -> Writer:
    """Who writes the warehouse, as soon as somebody does."""
    found: list[dict[str, Any]] = []

    def somebody_writes() -> bool:
        held = card(settings.warehouse_lock_path)
        if held:
            found.append(held)
        return bool(held)

    wait_until(somebody_writes, seconds, "a step takes the warehouse")
    run_id = found[-1]["holder"].removeprefix("run ")
    executing = card(settings.dagster_home / "storage" / run_id / "worker.lock")
    assert executing["holder"] == f"run {run_id}"
    return Writer(
        run_id, psutil.Process(int(found[-1]["pid"])), psutil.Process(int(executing["pid"]))
    )


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def sleeps(process: psutil.Process) -> bool:
    """Whether it does nothing for a second but look whether it may go on."""
    before = sum(process.cpu_times()[:2])
    time.sleep(1)
    return sum(process.cpu_times()[:2]) - before < 0.1


def status_of(settings: Settings, run_id: str) -> str:
    with sqlite3.connect(settings.dagster_home / "history" / "runs.db") as runs:
        row = runs.execute("select status from runs where run_id = ?", (run_id,)).fetchone()
    return str(row[0])


def assert_wrote_nothing_after(settings: Settings, run_id: str, killed_at: float) -> None:
    """No event that says something was made or checked, and no stamp that says it stands."""
    assert run_id not in {
        stamp.run_id for stamp in read_stamps(settings).values() if not stamp.is_building
    }
    path = settings.dagster_home / "history" / "runs" / f"{run_id}.db"
    with sqlite3.connect(path) as events:
        times = [
            datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp()
            for row in events.execute(
                "select timestamp from event_logs where run_id = ? and dagster_event_type"
                " in ('ASSET_MATERIALIZATION', 'ASSET_CHECK_EVALUATION')",
                (run_id,),
            )
        ]
    assert times, "landing told what it made before the kill"
    assert [at for at in times if at > killed_at] == []


@pytest.fixture
def environment(world: World) -> dict[str, str]:
    world.enter()
    deliver(world, 3)
    return {**world.environment, "DAGSTER_HOME": str(world.settings.dagster_home)}


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[DagsterServer]:
    with serve(environment, tmp_path / "server.log") as running:
        yield running


def test_the_daemon_calls_a_run_failed_whose_worker_was_killed_and_the_queue_goes_on(
    server: DagsterServer, world: World
) -> None:
    settings = world.settings
    first = server.launch(job="full")
    second = server.launch(job="full")
    writing = writer(settings)
    assert writing.run_id == first
    assert status_of(settings, second) == "QUEUED"
    killed_at = time.time()
    writing.worker.kill()
    ended = wait_until(lambda: has_ended(writing.step), NEXT_SECONDS, "the step ends")
    marked = wait_until(
        lambda: status_of(settings, first) == "FAILURE", MARKED_SECONDS, "the run is called failed"
    )
    went_on = wait_until(
        lambda: status_of(settings, second) != "QUEUED", MARKED_SECONDS, "the queue goes on"
    )
    assert_one_whole_version(settings.home)
    assert server.finish(second) == "SUCCESS", server.failures(second)
    assert_wrote_nothing_after(settings, first, killed_at)
    assert world.published_version() == 2
    # Behind those that waited; whether it ends is the other test's question.
    assert status_of(settings, server.retry_of(first)) in {"QUEUED", "STARTING", "STARTED"}
    held = world.instance().event_log_storage.get_concurrency_run_ids()
    assert first not in held
    print(
        f"worker killed: its step ended after {ended:.1f} s, the run was called failed after "
        f"{ended + marked:.1f} s, the queue went on {went_on:.1f} s later"
    )


@pytest.mark.long
def test_a_run_that_lost_its_worker_and_its_daemon_is_called_failed_by_the_next_daemon(
    environment: dict[str, str], world: World, tmp_path: Path
) -> None:
    """As after a power cut: nobody is left who saw the worker die."""
    settings = world.settings
    with serve(environment, tmp_path / "first.log") as server:
        first = server.launch(job="full")
        writing = writer(settings)
        everybody = [server.process, *server.process.children(recursive=True)]
        killed_at = time.time()
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: has_ended(writing.step), NEXT_SECONDS, "the step ends")
    assert status_of(settings, first) == "STARTED"
    began = time.monotonic()
    with serve(environment, tmp_path / "second.log") as server:
        wait_until(
            lambda: status_of(settings, first) == "FAILURE",
            MARKED_SECONDS,
            "the run is called failed",
        )
        marked = time.monotonic() - began
        # A run that crashed is tried once more, by itself.
        again = server.retry_of(first)
        assert server.finish(again) == "SUCCESS", server.failures(again)
    assert_wrote_nothing_after(settings, first, killed_at)
    assert world.published_version() == 2
    print(f"everything killed: called failed {marked:.1f} s after the next daemon was started")


def test_without_a_daemon_the_next_command_calls_it_failed_and_waits_for_a_step_that_hangs(
    environment: dict[str, str], world: World, tiny_panel: Path
) -> None:
    """Only the command is killed, and its step is stopped, so that it cannot even end."""
    settings = world.settings
    shopthread = CommandLine(settings.home, tiny_panel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPTHREAD_FAILPOINT", f"{Place.WAREHOUSE_LOCKED}={Action.PAUSE}")
        started = shopthread.start("run")
    writing = writer(settings)
    assert writing.worker.pid == started.pid
    # Not in the middle of a write of Dagster's: nobody else could write its history then.
    wait_until(lambda: sleeps(writing.step), NEXT_SECONDS, "the step pauses")
    writing.step.suspend()
    killed_at = time.time()
    started.kill()
    started.wait()
    second = shopthread.start("run")
    try:
        marked = wait_until(
            lambda: status_of(settings, writing.run_id) == "FAILURE",
            MARKED_SECONDS,
            "the run is called failed",
        )
        # It lands what is new, and stands before the warehouse.
        wait_until(
            lambda: waits_for_the_warehouse(settings, writing.run_id), 240, "the second run waits"
        )
        wait_until(
            lambda: all(map(sleeps, psutil.Process(second.pid).children(recursive=True))),
            240,
            "its step does nothing else",
        )
        assert card(settings.warehouse_lock_path)["pid"] == writing.step.pid
        writing.step.resume()
        ended = wait_until(lambda: has_ended(writing.step), NEXT_SECONDS, "the step ends")
        proceeded = wait_until(
            lambda: card(settings.warehouse_lock_path).get("pid") not in {None, writing.step.pid},
            NEXT_SECONDS,
            "the waiting run goes on",
        )
        said = second.communicate(timeout=300)[0]
        assert second.returncode == 0, said
    finally:
        with suppress(psutil.NoSuchProcess):
            writing.step.kill()
        with suppress(ProcessLookupError):
            os.killpg(second.pid, signal.SIGKILL)
    assert_wrote_nothing_after(settings, writing.run_id, killed_at)
    assert world.published_version() == 2
    print(
        f"command killed: called failed {marked:.1f} s after the next one was started; the step "
        f"ended {ended:.1f} s after it woke up, the waiting run went on {proceeded:.1f} s later"
    )


def waits_for_the_warehouse(settings: Settings, behind: str) -> bool:
    """Whether a newer run than `behind` has begun to build its first layer."""
    history = settings.dagster_home / "history"
    with sqlite3.connect(history / "runs.db") as runs:
        (run_id,) = runs.execute("select run_id from runs order by id desc limit 1").fetchone()
    path = history / "runs" / f"{run_id}.db"
    if run_id == behind or not path.exists():
        return False
    with sqlite3.connect(path) as events:
        tables = events.execute("select 1 from sqlite_master where name = 'event_logs'")
        found = tables.fetchone() and events.execute(
            "select 1 from event_logs where dagster_event_type = 'STEP_START'"
            " and step_key = 'build_staging'"
        )
        return bool(found and found.fetchone())
