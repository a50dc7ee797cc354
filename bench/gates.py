"""Phase `gates`: which share of the panel's full run its gates take, gate by gate.

Wall seconds are read from the event log of one run, so that numerator and denominator lived
through the same minutes. Three kinds of gates: suites of a layer are steps of their own; data
tests lie inside the steps that build, and dbt's log tells the seconds of its threads; contracts
are judged inside landing, where their share is taken from landing the same files once more.
CPU seconds are those of each kind of gate run once more alone, against those of the whole run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.harness import Candidate, Figures, Spread, python, run_candidate
from bench.record import Line, PhaseResult
from bench.run_events import Invocation, RunEvents, read_dbt_log, read_run
from bench.work import CALLING, JUDGING, TESTING
from bench.worlds import World, Worlds, copy, cpu_seconds_of_run, lend
from orchestration.sources.config import load_sources
from orchestration.warehouse.dbt_log import LOG_FILE
from orchestration.warehouse.manifest import Layer

AIM_SHARE = 0.10
DBT_THREADS = 2
"""As in `dbt_project/profiles.yml`; two seconds of threads are taken for one of the step."""

_JUDGE = "judge_"
_BUILD = "build_"


def gates(worlds: Worlds, _rounds: int) -> PhaseResult:
    """Seconds of every gate in one run, and their share of all steps' seconds."""
    home, world = worlds.panel_home(), worlds.panel
    settings = world.settings(home)
    run = read_run(home, world.environment(home))
    landed = _again(world, worlds.scratch / "gates" / "landing", ("land", *_entities(world)))
    judged = _again(world, worlds.scratch / "gates" / "suites", ("judge",), home)
    tested = _again(world, worlds.scratch / "gates" / "data-tests", ("run-data-tests",), home)
    lines = [
        *contract_lines(run, landed),
        *data_test_lines(run, read_dbt_log(settings.dbt_target_dir / "logs" / LOG_FILE), tested),
        *suite_lines(run, judged),
    ]
    return PhaseResult("gates", tuple(lines), *shares(run, lines, cpu_seconds_of_run(home)))


def shares(
    run: RunEvents, lines: Sequence[Line], cpu_of_run: float | None
) -> tuple[tuple[Spread, ...], str]:
    """The share of gates in the wall seconds of all steps, and in the CPU seconds of the run."""
    wall = sum(line.wall_seconds or 0.0 for line in lines)
    steps = sum(end - begin for begin, end in run.steps.values())
    found = [Spread("gates / all steps, wall", (wall / steps,), AIM_SHARE)]
    note = (
        f"{wall:.1f} s of gates in {steps:.1f} s of {len(run.steps)} steps; the run took "
        f"{run.seconds:.1f} s; one run, so there is no spread"
    )
    if cpu_of_run is not None:
        cpu = sum(line.cpu_seconds or 0.0 for line in lines)
        found.insert(0, Spread("gates / run, CPU", (cpu / cpu_of_run,), AIM_SHARE))
        note = f"{cpu:.1f} of {cpu_of_run:.1f} CPU s; {note}"
    return tuple(found), note


def contract_lines(run: RunEvents, landed: Figures) -> list[Line]:
    """A contract's part of the CPU seconds of landing, taken of the step's own seconds."""
    lines = []
    for step, (begin, end) in sorted(run.steps.items()):
        entity = step.partition("__")[2]
        judging, landing = (landed.parts.get(f"{part} {entity}") for part in (JUDGING, "landing"))
        if step.startswith("land_") and judging is not None and landing:
            share = judging / landing
            lines.append(
                Line(
                    f"contract of {entity}",
                    judging,
                    (end - begin) * share,
                    note=f"{share:.0%} of {end - begin:.1f} s of landing",
                )
            )
    return lines


def data_test_lines(run: RunEvents, calls: Sequence[Invocation], tested: Figures) -> list[Line]:
    """Data tests of each layer; dbt is called once a layer, in the order of the steps.

    A layer is built by the call that tests it, so the price of a call is no price of tests.
    """
    steps = sorted(
        (begin, step, end - begin)
        for step, (begin, end) in run.steps.items()
        if step.startswith(_BUILD) and step.removeprefix(_BUILD) in set(Layer)
    )
    # A home that was run before has older calls in front.
    return [
        Line(
            f"data tests of {step.removeprefix(_BUILD)}",
            _beyond_the_call(tested.parts, step.removeprefix(_BUILD)),
            call.test_seconds / DBT_THREADS,
            note=f"{call.tests} tests, in a step of {seconds:.1f} s",
        )
        for (_, step, seconds), call in zip(steps, calls[-len(steps) :], strict=True)
    ]


def _beyond_the_call(parts: Mapping[str, float], layer: str) -> float | None:
    spent = parts.get(f"{TESTING} {layer}")
    return None if spent is None else max(0.0, spent - parts[CALLING])


def suite_lines(run: RunEvents, judged: Figures) -> list[Line]:
    """The suites of a layer are a step."""
    return [
        Line(
            f"suites of {step.removeprefix(_JUDGE)}",
            judged.parts.get(f"{JUDGING} {step.removeprefix(_JUDGE)}"),
            end - begin,
        )
        for step, (begin, end) in sorted(run.steps.items(), key=lambda item: item[1])
        if step.startswith(_JUDGE)
    ]


def _again(
    world: World, place: Path, verb: tuple[str, ...], finished: Path | None = None
) -> Figures:
    """Run a part of the run once more alone; figures are its own, with its parts."""
    place.mkdir(parents=True)
    home = place / "home"
    if finished is not None:
        lend(finished, home, "landing")
        # dbt opens the warehouse for writing even where it only tests.
        copy(finished, home, "warehouse/warehouse.duckdb", "warehouse/ledger")
    candidate = Candidate(
        verb[0],
        command=lambda folder: python("bench.work", "--place", str(folder), *verb),
        environment=lambda _folder: world.environment(home),
        answer=None,
        measured_inside=True,
    )
    return run_candidate("gates", candidate, place)


def _entities(world: World) -> tuple[str, ...]:
    settings = world.settings(world.panel)
    (source,) = load_sources(settings.sources_dir, settings.enabled_sources)
    return tuple(entity.name for entity in source.entities)
