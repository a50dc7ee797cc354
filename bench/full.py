"""Phase `full`: the panel's full run against the same marts written by hand.

The third candidate is the same run over a tiny world: what a run costs before the first row.
The aim holds for what lies beyond it.
"""

from pathlib import Path

from bench.harness import Candidate, Comparison, Ratio, compare, cpu, cpu_ratio, program, python
from bench.record import PhaseResult, of_outcome
from bench.worlds import World, Worlds, business_marts, published_file

RUN = "shopthread run"
EMPTY = "shopthread run, tiny world"
FLOOR = "hand-written SQL"

AIM_BEYOND_EMPTY = 1.5
AIM_PEAK_MIB = 2500.0


def full(worlds: Worlds, rounds: int) -> PhaseResult:
    """The whole pipeline, from source files to a published version and a report."""
    names = (RUN, EMPTY, FLOOR)
    comparison = Comparison(
        "full",
        (
            of_run(RUN, worlds.panel, compared=True),
            of_run(EMPTY, worlds.tiny, compared=False),
            of_floor(worlds.panel),
        ),
        (
            Ratio(
                f"({RUN} - tiny world) / {FLOOR}",
                lambda one: (cpu(one, RUN) - cpu(one, EMPTY)) / cpu(one, FLOOR),
                AIM_BEYOND_EMPTY,
                "x",
            ),
            cpu_ratio(f"{RUN} / {FLOOR}", RUN, FLOOR),
            Ratio("peak of the run", lambda one: one[RUN].peak_pss_mib, AIM_PEAK_MIB, " MiB"),
        ),
        reads=worlds.panel.files,
    )
    return of_outcome("full", names, compare(comparison, rounds, worlds.scratch))


def of_run(name: str, world: World, *, compared: bool) -> Candidate:
    """The product's command in an empty home."""

    def answer(place: Path) -> dict[str, object]:
        return business_marts(published_file(world.settings(place / "home")))

    return Candidate(
        name,
        command=lambda _place: [program("shopthread"), "run"],
        environment=lambda place: world.environment(place / "home"),
        answer=answer if compared else None,
    )


def of_floor(world: World) -> Candidate:
    """The hand-written SQL over the same files."""

    def command(place: Path) -> list[str]:
        return python(
            "bench.hand_written",
            *("--panel", str(world.panel), "--output", str(place / "floor.duckdb")),
            *("--first", world.first.isoformat(), "--last", world.last.isoformat()),
        )

    return Candidate(
        FLOOR, command=command, answer=lambda place: business_marts(place / "floor.duckdb")
    )
