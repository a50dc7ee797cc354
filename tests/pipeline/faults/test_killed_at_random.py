"""Runs killed at random moments, one time after the other.

Readers always see one whole version, the next run needs no hand, and what comes out in the
end is hash-equal to runs that were never killed.
"""

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from orchestration.cli._instance import run_lock_path
from orchestration.file_lock import holder_of
from tests.pipeline.command_line import CommandLine
from tests.pipeline.faults.aftermath import (
    assert_one_whole_version,
    deliver,
    never_killed,
    outcome,
)
from tests.pipeline.faults.children import killed_after, run_child
from tests.pipeline.worlds import World, run_whole

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]

RANDOM_KILLS = 40
SEED = 20261125
STARTING_SECONDS = 120.0


def test_forty_random_kills_of_runs_lose_and_double_nothing(
    world: World, built_home: Path, tmp_path: Path, tiny_panel: Path
) -> None:
    """Every fourth kill hits a command with all of its processes, the others a run in one."""
    world.enter()
    shopthread = CommandLine(world.settings.home, tiny_panel)
    chance = random.Random(SEED)
    deliver(world, 0)
    seconds_of_command = seconds_of(shopthread)
    deliver(world, 1)
    began = time.monotonic()
    assert run_child(run_whole, world.environment) == 0
    seconds_in_one = time.monotonic() - began
    commands = others = tries = 0
    while commands + others < RANDOM_KILLS:
        # Every run finds something to do, so it lasts as long as the ones that were measured.
        deliver(world, 2 + tries)
        if commands <= others // 3:
            moment = chance.uniform(0.0, seconds_of_command)
            commands += killed_command(shopthread, moment)
        else:
            moment = chance.uniform(0.0, seconds_in_one)
            others += killed_after(moment, run_whole, world.environment)
        tries += 1
        assert_one_whole_version(world.settings.home)
    finished = shopthread("run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    twin = never_killed(built_home, shopthread.settings.inbox_dir, tmp_path)
    assert CommandLine(twin, tiny_panel)("run").returncode == 0
    ours, theirs = outcome(world.settings.home), outcome(twin)
    assert ours.marts == theirs.marts
    assert theirs.batches <= ours.batches, "a batch was lost"
    print(
        f"killed: {commands} commands in the {seconds_of_command:.0f} s of their run, {others} "
        f"runs in one process in {seconds_in_one:.0f} s; {tries - RANDOM_KILLS} had ended before"
    )


def seconds_of(shopthread: CommandLine) -> float:
    """How long the run of a command lasts that nobody disturbs."""
    started = shopthread.start("run")
    wait_for_its_run(shopthread, started)
    began = time.monotonic()
    said = started.communicate()[0]
    assert started.returncode == 0, said
    return time.monotonic() - began


def killed_command(shopthread: CommandLine, moment: float) -> bool:
    """Kill a command with its whole process group. False: it had ended before."""
    started = shopthread.start("run")
    wait_for_its_run(shopthread, started)
    with contextlib.suppress(subprocess.TimeoutExpired):
        said = started.communicate(timeout=moment)[0]
        assert started.returncode == 0, said
        return False
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()
    return True


def wait_for_its_run(shopthread: CommandLine, started: "subprocess.Popen[str]") -> None:
    """Wait until a command has begun its run: the imports before it write nothing."""
    lock = run_lock_path(shopthread.settings)
    deadline = time.monotonic() + STARTING_SECONDS
    while holder_of(lock) is None and started.poll() is None:
        assert time.monotonic() < deadline, f"no run began in {STARTING_SECONDS:g} s"
        time.sleep(0.05)
