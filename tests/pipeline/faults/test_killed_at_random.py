"""The command killed at random moments, and a step that outlives its command.

Readers always see one whole version, the next run needs no hand, and what comes out in the
end is hash-equal to runs that were never killed.
"""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from orchestration.failpoints import Action, Place
from orchestration.file_lock import holder_of
from orchestration.warehouse.stamps import read_stamps
from tests.pipeline.command_line import CommandLine
from tests.pipeline.faults.aftermath import (
    assert_one_whole_version,
    deliver,
    never_killed,
    outcome,
)
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]

RANDOM_KILLS = 40
SEED = 20261125
LONGEST_SECONDS = 25.0


def test_forty_random_kills_of_the_command_lose_and_double_nothing(
    world: World, built_home: Path, tmp_path: Path, tiny_panel: Path
) -> None:
    world.enter()
    shopthread = CommandLine(world.settings.home, tiny_panel)
    chance = random.Random(SEED)
    killed = 0
    for number in range(RANDOM_KILLS):
        if number % 4 == 0:
            # Four kills without a run that went through lie between two deliveries.
            deliver(world, number // 4)
        started = shopthread.start("run")
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(timeout=chance.uniform(1.0, LONGEST_SECONDS))
        if started.poll() is None:
            killed += 1
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
        assert_one_whole_version(world.settings.home)
    finished = shopthread("run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    twin = never_killed(built_home, shopthread.settings.inbox_dir, tmp_path)
    assert CommandLine(twin, tiny_panel)("run").returncode == 0
    assert outcome(world.settings.home).marts == outcome(twin).marts
    print(f"{killed} of {RANDOM_KILLS} runs were killed before they ended")
    assert killed >= RANDOM_KILLS // 2


def test_a_step_that_outlives_its_run_writes_nothing_and_the_next_run_goes_on(
    world: World, tiny_panel: Path
) -> None:
    """Only the command is killed; the step it forked pauses, wakes up and finds its run gone."""
    world.enter()
    deliver(world, 3)
    shopthread = CommandLine(world.settings.home, tiny_panel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPTHREAD_FAILPOINT", f"{Place.WAREHOUSE_BUILT}={Action.PAUSE}")
        started = shopthread.start("run")
        holder = wait_for_holder(shopthread)
        time.sleep(5)  # the step is now building or paused behind the build
        started.kill()
        started.wait()
    orphaned_run = shopthread.status()["last_run"]["run_id"]
    assert holder
    second = shopthread("run")
    assert second.returncode == 0, second.stdout + second.stderr
    history = world.settings.dagster_home / "history"
    with sqlite3.connect(history / "runs.db") as runs:
        (status,) = runs.execute(
            "select status from runs where run_id = ?", (orphaned_run,)
        ).fetchone()
        (failed_at,) = runs.execute(
            "select update_timestamp from runs where run_id = ?", (orphaned_run,)
        ).fetchone()
    assert status == "FAILURE"
    assert orphaned_run not in {stamp.run_id for stamp in read_stamps(world.settings).values()}
    with sqlite3.connect(history / "runs" / f"{orphaned_run}.db") as events:
        late = events.execute(
            "select dagster_event_type from event_logs where timestamp > ?"
            " and dagster_event_type in ('ASSET_MATERIALIZATION', 'ASSET_CHECK_EVALUATION')",
            (failed_at,),
        ).fetchall()
    assert late == []


def wait_for_holder(shopthread: CommandLine, seconds: float = 120.0) -> str:
    """Who holds the warehouse, as soon as somebody does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        holder = holder_of(shopthread.settings.warehouse_lock_path)
        if holder:
            return holder
        time.sleep(0.1)
    raise AssertionError(f"nobody took the warehouse in {seconds:g} s")
