"""Two who want to write at once: the second waits, or says who holds it and since when."""

import itertools
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from orchestration.cli._dagster_run import CODE_LOCATION
from tests.pipeline.command_line import CommandLine, words
from tests.pipeline.dagster_server import serve
from tests.pipeline.faults.aftermath import deliver
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEED = 20261126
LONGEST_SECONDS = 8.0

HOLD = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def shopthread(world: World, tiny_panel: Path) -> CommandLine:
    world.enter()
    return CommandLine(world.settings.home, tiny_panel)


@pytest.mark.parametrize(
    "rounds",
    [pytest.param(3, id="6_races"), pytest.param(10, id="20_races", marks=pytest.mark.long)],
)
def test_races_of_commands_end_without_a_traceback(shopthread: CommandLine, rounds: int) -> None:
    """Two commands at once, and a third into the middle of whichever of them came first."""
    chance = random.Random(SEED)
    refused = 0
    for number in range(rounds):
        started = [
            shopthread.start(command) for command in ("publish", ("run", "publish")[number % 2])
        ]
        time.sleep(chance.uniform(0.5, LONGEST_SECONDS))
        started.append(shopthread.start("publish"))
        ended = [(process.communicate()[0], process.returncode) for process in started]
        for said, code in ended:
            assert "Traceback" not in said
            assert code in {0, 1}, said
            if code == 1:
                refused += 1
                assert re.search(r"another run goes on: .* \(process \d+\) since 2", words(said)), (
                    said
                )
        assert any(code == 0 for _, code in ended), ended
    print(f"{rounds * 2} races, {refused} of {rounds * 3} commands were told who runs since when")
    assert refused >= rounds


def test_dbt_by_hand_on_the_file_is_named_and_nothing_is_lost(shopthread: CommandLine) -> None:
    path = shopthread.settings.warehouse_path
    before = path.stat().st_size
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), "300"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        finished = shopthread("run")
    finally:
        holder.kill()
        holder.wait()
    said = words(finished.stdout + finished.stderr)
    assert finished.returncode == 1
    assert "Traceback" not in said
    assert f"(PID {holder.pid}), which is no run of this product" in said
    assert path.stat().st_size == before
    again = shopthread("run")
    assert again.returncode == 0, again.stdout + again.stderr


def test_the_schedule_the_ui_and_the_command_line_stand_in_one_queue(
    shopthread: CommandLine, world: World, tmp_path: Path
) -> None:
    deliver(world, 3)
    schedule_is_due(world)
    served = {**world.environment, "DAGSTER_HOME": str(world.settings.dagster_home)}
    with serve(served, tmp_path / "server.log") as server:
        # It lands nothing: the schedule must find what was delivered.
        ours = [server.launch(["publish/published_version"]), server.run_of_job("daily")]
        server.wait_for_queue()
        command = shopthread.start("run")
        ours.append(server.launch(job="full"))
        for run_id in ours:
            assert server.finish(run_id) == "SUCCESS", server.failures(run_id)
        said = command.communicate()[0]
        assert command.returncode == 0, said
        assert "through the daemon's queue" in said
        times = server.ask(
            "{ runsOrError { ... on Runs { results { runId startTime endTime } } } }"
        )["runsOrError"]["results"]
    # With the one that built the world in front.
    spans = sorted((run["startTime"], run["endTime"]) for run in times)
    assert len(spans) == 1 + len(ours) + 1
    for (_, ended), (began, _) in itertools.pairwise(spans):
        assert began >= ended, "two runs wrote at once"
    print(
        "seconds between two runs:", [round(b[0] - a[1], 1) for a, b in itertools.pairwise(spans)]
    )


def schedule_is_due(world: World) -> None:
    """Start the schedule as if that had been yesterday: the daemon makes up for its tick."""
    repository = RemoteRepositoryOrigin(
        ManagedGrpcPythonEnvCodeLocationOrigin(
            LoadableTargetOrigin(module_name="orchestration.definitions"), CODE_LOCATION
        ),
        SINGLETON_REPOSITORY_NAME,
    )
    state = InstigatorState(
        repository.get_instigator_origin("newly_arrived_days"),
        InstigatorType.SCHEDULE,
        InstigatorStatus.RUNNING,
        ScheduleInstigatorData("30 5 * * *", start_timestamp=time.time() - 24 * 3600),
    )
    world.instance().add_instigator_state(state)
