"""The command killed at random moments of its run, one time after the other.

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
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]

RANDOM_KILLS = 40
SEED = 20261125
STARTING_SECONDS = 120.0


def test_forty_random_kills_of_the_command_lose_and_double_nothing(
    world: World, built_home: Path, tmp_path: Path, tiny_panel: Path
) -> None:
    world.enter()
    shopthread = CommandLine(world.settings.home, tiny_panel)
    chance = random.Random(SEED)
    deliver(world, 0)
    whole = shopthread.start("run")
    wait_for_its_run(shopthread, whole)
    began = time.monotonic()
    said = whole.communicate()[0]
    assert whole.returncode == 0, said
    length = time.monotonic() - began
    killed = number = 0
    while killed < RANDOM_KILLS:
        if number % 4 == 0:
            # Four kills without a run that went through lie between two deliveries.
            deliver(world, 1 + number // 4)
        number += 1
        started = shopthread.start("run")
        wait_for_its_run(shopthread, started)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.communicate(timeout=chance.uniform(0.0, length))
        killed += started.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
        assert_one_whole_version(world.settings.home)
    finished = shopthread("run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    twin = never_killed(built_home, shopthread.settings.inbox_dir, tmp_path)
    assert CommandLine(twin, tiny_panel)("run").returncode == 0
    ours, theirs = outcome(world.settings.home), outcome(twin)
    assert ours.marts == theirs.marts
    assert theirs.batches <= ours.batches, "a batch was lost"
    print(
        f"{killed} runs were killed in the first {length:.0f} s of their work, "
        f"{number - killed} had ended before"
    )


def wait_for_its_run(shopthread: CommandLine, started: "subprocess.Popen[str]") -> None:
    """Wait until a command has begun its run: the imports before it write nothing."""
    lock = run_lock_path(shopthread.settings)
    deadline = time.monotonic() + STARTING_SECONDS
    while holder_of(lock) is None and started.poll() is None:
        assert time.monotonic() < deadline, f"no run began in {STARTING_SECONDS:g} s"
        time.sleep(0.05)
