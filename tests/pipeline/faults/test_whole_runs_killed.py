"""Whole runs that are killed: at every place, forty times at random, five times in a row.

Readers always see one whole version, the next run needs no hand, and what comes out in the
end is hash-equal to runs that were never killed, with every record accounted for.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from orchestration.failpoints import Action, Place
from orchestration.file_lock import holder_of
from orchestration.publish import TableHash, connect, current, table_hashes
from orchestration.publish.hashes import counts_for_equality
from orchestration.settings import load_settings
from orchestration.warehouse.stamps import read_stamps
from tests.pipeline.command_line import CommandLine
from tests.pipeline.faults.children import interrupted, run_child
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

RANDOM_KILLS = 40
SEED = 20261125
REFUSING = {Place.LANDING_QUARANTINED, Place.LANDING_REFUSED}


def run_whole(environment: Mapping[str, str]) -> None:
    """One full run in this process; raises when it fails."""
    with pytest.MonkeyPatch.context() as patch:
        run = World(dict(environment), patch).run()
        assert run.success, run.failures


def deliver(world: World, number: int, *, refused: bool = False) -> None:
    """Bring something new: one day with fewer lines than ever before, maybe a bad file."""
    day = date(2017, 1, 2 + number % 12)
    lines = world.day_of_transactions(day)
    world.deliver("transactions", day.isoformat(), lines.iloc[: len(lines) - 1 - number // 12])
    if refused:
        answers = world.delivered("demographics").rename(columns={"age": f"years_{number}"})
        world.deliver("demographics", "snapshot", answers)


def assert_one_whole_version(home: Path) -> None:
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    served = current(settings)
    assert served is not None
    with connect(settings) as reader:
        for mart, entry in served.manifest.marts.items():
            schema, name = mart.split(".")
            rows = reader.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
            assert rows == (entry.rows,), f"{mart} of version {served.version}"


@dataclass(frozen=True)
class Outcome:
    """What must be equal: the business marts, and what became of every batch."""

    marts: Mapping[str, TableHash]
    batches: frozenset[tuple[str, str, int, int, int]]


def outcome(home: Path) -> Outcome:
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    served = current(settings)
    assert served is not None
    marts = table_hashes(served.analytics_path)
    with sqlite3.connect(settings.ledger_path) as ledger:
        batches = ledger.execute(
            "select batch_id, verdict, physical_rows, landed_rows, quarantined_rows from batches"
        ).fetchall()
    return Outcome(
        {name: value for name, value in marts.items() if counts_for_equality(name)},
        frozenset(batches),
    )


def never_killed(built_home: Path, inbox: Path, folder: Path) -> Path:
    """A home that lies before the same last deliveries and was never disturbed."""
    twin = folder / "twin"
    shutil.copytree(built_home, twin, symlinks=True)
    shutil.copytree(inbox, twin / "inbox", dirs_exist_ok=True)
    return twin


def test_killed_at_every_place_it_ends_as_if_nobody_had_killed_it(
    world: World, built_home: Path, tmp_path: Path
) -> None:
    world.enter()
    for number, place in enumerate(Place):
        deliver(world, number, refused=place in REFUSING)
        interrupted(place, Action.KILL, run_whole, world.environment)
        assert_one_whole_version(world.settings.home)
    assert run_child(run_whole, world.environment) == 0
    twin = never_killed(built_home, world.settings.inbox_dir, tmp_path)
    assert run_child(run_whole, {**world.environment, "SHOPTHREAD_HOME": str(twin)}) == 0
    ours, theirs = outcome(world.settings.home), outcome(twin)
    assert ours.marts == theirs.marts
    assert theirs.batches <= ours.batches, "a batch was lost"


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
            started.wait(timeout=chance.uniform(1.0, 40.0))
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
