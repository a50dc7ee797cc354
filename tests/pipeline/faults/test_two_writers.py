"""Two who want to write at once: the second waits, or says who holds it and since when."""

import itertools
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.command_line import CommandLine, words
from tests.pipeline.dagster_server import serve
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

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


def both(shopthread: CommandLine, *commands: str) -> list[tuple[int, str]]:
    started = [shopthread.start(command) for command in commands]
    return [(process.wait(), process.communicate()[0]) for process in started]


def test_twenty_races_of_two_commands_end_without_a_traceback(shopthread: CommandLine) -> None:
    refused = 0
    for number in range(20):
        commands = ("publish", "publish") if number % 2 else ("publish", "run")
        ended = both(shopthread, *commands)
        for code, said in ended:
            assert "Traceback" not in said
            assert code in {0, 1}, said
            if code == 1:
                refused += 1
                assert re.search(r"another run goes on: .* \(process \d+\) since 2", words(said)), (
                    said
                )
        assert any(code == 0 for code, _ in ended), ended
    print(f"{refused} of 40 commands were told who runs; the others went one after the other")
    assert refused > 0


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


def test_the_ui_and_the_command_line_stand_in_one_queue(
    shopthread: CommandLine, world: World, tmp_path: Path
) -> None:
    served = {**world.environment, "DAGSTER_HOME": str(world.settings.dagster_home)}
    with serve(served, tmp_path / "server.log") as server:
        time.sleep(35)  # until the daemon has reported itself
        first = server.launch(job="full")
        command = shopthread.start("run")
        second = server.launch(["publish/published_version"])
        assert server.finish(first) == "SUCCESS", server.failures(first)
        said = command.communicate()[0]
        assert command.returncode == 0, said
        assert "through the daemon's queue" in said
        assert server.finish(second) == "SUCCESS", server.failures(second)
        times = server.ask(
            "{ runsOrError { ... on Runs { results { runId startTime endTime } } } }"
        )["runsOrError"]["results"]
    ours = sorted(
        (run["startTime"], run["endTime"]) for run in times if run["startTime"] is not None
    )[-3:]
    for (_, ended), (began, _) in itertools.pairwise(ours):
        assert began >= ended, "two runs wrote at once"
