"""Phase `empty`: a run of a tiny world against a bare `dbt build` of the same project.

dbt gets what landing left, builds the same models and runs the same data tests; what is
between the two is orchestration, landing, gates, publishing and the report. Its parsed
project lies warm in its target folder, as it does for somebody who builds every day.
"""

import os
import shutil
import subprocess
from pathlib import Path

from bench.full import of_run
from bench.harness import (
    BenchError,
    Candidate,
    Comparison,
    Ratio,
    compare,
    cpu_ratio,
    program,
)
from bench.record import PhaseResult, of_outcome
from bench.worlds import World, Worlds, business_marts, copy

RUN = "shopthread run, tiny world"
BARE = "dbt build"

AIM_RATIO = 2.0
AIM_WALL_SECONDS = 20.0


def empty(worlds: Worlds, rounds: int) -> PhaseResult:
    """The fixed cost of a run."""
    comparison = Comparison(
        "empty",
        (
            of_run(RUN, worlds.tiny, compared=True),
            of_dbt(worlds.tiny, worlds.tiny_home(), worlds.scratch / "bare-dbt"),
        ),
        (
            cpu_ratio(f"{RUN} / {BARE}", RUN, BARE, AIM_RATIO),
            Ratio("wall of the run", lambda one: one[RUN].wall_seconds, AIM_WALL_SECONDS, " s"),
        ),
        reads=worlds.tiny.files,
    )
    return of_outcome("empty", (RUN, BARE), compare(comparison, rounds, worlds.scratch))


def of_dbt(world: World, finished: Path, folder: Path) -> Candidate:
    """`dbt build` as somebody would type it.

    Its home stays at one path: dbt parses the whole project again when a variable of its
    profile changes.
    """
    home, target = folder / "home", folder / "target"

    def arguments(verb: str) -> list[str]:
        project = str(world.settings(home).dbt_project_dir)
        return [
            *(program("dbt"), verb, "--no-use-colors"),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(target), "--log-path", str(folder / "logs")),
        ]

    def prepare(_place: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)
        copy(finished, home, "landing", "warehouse/ledger")
        if not (target / "partial_parse.msgpack").exists():
            _parse(arguments("parse"), {**os.environ, **world.environment(home)})

    return Candidate(
        BARE,
        command=lambda _place: [*arguments("build"), "--exclude-resource-type", "unit_test"],
        environment=lambda _place: world.environment(home),
        prepare=prepare,
        answer=lambda _place: business_marts(world.settings(home).warehouse_path),
    )


def _parse(command: list[str], environment: dict[str, str]) -> None:
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise BenchError(f"dbt cannot parse the project:\n{finished.stdout[-2000:]}")
