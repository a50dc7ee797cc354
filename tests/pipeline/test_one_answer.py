"""On one state the guard gives one answer, whoever asks: compared word by word.

Four ways lead to a run: in this process, by `dg.execute_job` with the shipped executor, by
the command line, and by the UI. Each asks for the publish alone, which stands behind
every gate.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_DIR
from tests.pipeline.command_line import words
from tests.pipeline.dagster_server import serve
from tests.pipeline.gates import STAGING
from tests.pipeline.worlds import World, copy_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ASKED = "publish/published_version"
STEP = "publish_version"


def refuse_the_fifth_of_january(world: World, folder: Path) -> str:
    """Close the gate of landing; returns how the guard's first reason begins."""
    del folder
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/transactions"
    fifth = date(2017, 1, 5)
    broken = world.day_of_transactions(fifth).rename(columns={"sales_value": "turnover"})
    world.deliver("transactions", "2017-01-05", broken)
    assert not world.run(days=(fifth, fifth)).success
    entity = "complete_journey/transactions"
    return f"landing/{entity} / contract failed: {entity}: refused 2017-01-05: "


def fail_a_suite_of_staging(world: World, folder: Path) -> str:
    """Close the gate of staging; returns how the guard's first reason begins."""
    gate = STAGING["gx"]
    project = copy_project(folder / "project")
    gate.close(project)
    world.use_project(project)
    assert not world.run().success
    return f"{gate.check} failed: "


def ended(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**os.environ, **environment},
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize(
    "close",
    [
        fail_a_suite_of_staging,
        pytest.param(refuse_the_fifth_of_january, marks=pytest.mark.long),
    ],
)
def test_every_way_to_a_run_gets_the_same_sentence_of_the_guard(
    world: World, tmp_path: Path, close: Callable[[World, Path], str]
) -> None:
    first = close(world, tmp_path)
    here = world.run([ASKED])
    assert not here.success
    sentence = here.reasons[STEP]
    assert sentence.startswith(
        f"{ASKED} was not built, because a gate before it is closed: {first}"
    )

    environment = {**world.environment, "DAGSTER_HOME": str(world.settings.dagster_home)}
    script = ended(environment, "tests.pipeline.execute_job", ASKED)
    assert script.returncode == 0, script.stderr[-4000:]
    by_execute_job = world.run_of(script.stdout.split()[-1])
    assert by_execute_job.run_id != here.run_id
    assert not by_execute_job.success
    assert by_execute_job.reasons == {STEP: sentence}

    command = ended(environment, "orchestration.cli", "publish")
    assert command.returncode == 1
    by_command_line = world.run_of(world.latest_run_id())
    assert by_command_line.run_id not in {here.run_id, by_execute_job.run_id}
    assert by_command_line.reasons == {STEP: sentence}
    assert words(sentence) in words(command.stdout + command.stderr)

    with serve(environment, tmp_path / "server.log") as server:
        run_id = server.launch([ASKED])
        assert server.finish(run_id) == "FAILURE"
        assert server.reasons(run_id) == {STEP: sentence}
    assert world.published_version() == 1
