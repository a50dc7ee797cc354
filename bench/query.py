"""Phase `query`: ten questions of the business, asked of the published file as readers do.

Each file of `bench/questions` is one question. The same SQL on the warehouse is its oracle,
and shows what it is worth that two views are tables in what readers open.
"""

import json
import statistics
from pathlib import Path

from bench.harness import Candidate, Comparison, compare, cpu_ratio, python
from bench.record import Line, PhaseResult, of_outcome
from bench.worlds import Worlds, published_file

QUESTIONS = Path(__file__).resolve().parent / "questions"
REPEATS = 20

PUBLISHED = "published file"
WAREHOUSE = "warehouse"


def query(worlds: Worlds, rounds: int) -> PhaseResult:
    """Each question once to warm up and twenty times for its percentiles, in each round."""
    finished, world = worlds.panel_home(), worlds.panel
    settings = world.settings(finished)
    seconds: dict[str, list[float]] = {}

    def answer(place: Path) -> dict[str, object]:
        return dict(json.loads((place / "answers.json").read_text(encoding="utf-8")))

    def answer_of_published(place: Path) -> dict[str, object]:
        told = json.loads((place / "seconds.json").read_text(encoding="utf-8"))
        for question, taken in told.items():
            seconds.setdefault(question, []).extend(taken)
        return answer(place)

    def command(place: Path, *more: str) -> list[str]:
        return python(
            "bench.work",
            *("--place", str(place), "ask", str(QUESTIONS), "--repeats", str(REPEATS), *more),
        )

    comparison = Comparison(
        "query",
        (
            Candidate(
                PUBLISHED,
                command=command,
                environment=lambda _place: world.environment(finished),
                answer=answer_of_published,
                measured_inside=True,
            ),
            Candidate(
                WAREHOUSE,
                command=lambda place: command(place, "--warehouse"),
                environment=lambda _place: world.environment(finished),
                answer=answer,
                measured_inside=True,
            ),
        ),
        (cpu_ratio(f"{PUBLISHED} / {WAREHOUSE}", PUBLISHED, WAREHOUSE),),
        reads=(published_file(settings), settings.warehouse_path),
    )
    result = of_outcome(
        "query", (PUBLISHED, WAREHOUSE), compare(comparison, rounds, worlds.scratch)
    )
    lines = [
        Line(question, wall_seconds=percentile(taken, 50), note=percentiles(taken))
        for question, taken in sorted(seconds.items())
    ]
    return PhaseResult(
        result.phase, (*result.lines, *lines), result.spreads, result.note, result.rounds
    )


def percentiles(seconds: list[float]) -> str:
    """The usual answer and the slow one, in milliseconds of wall time."""
    return (
        f"p50 {percentile(seconds, 50) * 1000:.0f} ms, p95 {percentile(seconds, 95) * 1000:.0f} ms"
    )


def percentile(values: list[float], percent: int) -> float:
    """Interpolated between the two nearest ranks."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
