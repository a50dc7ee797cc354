"""The history says what was measured, on what, and nothing that a later reader must guess."""

import io
import json
from pathlib import Path

from rich.console import Console

from bench.harness import Figures, Outcome, Spread
from bench.record import Line, PhaseResult, keep, of_outcome, show

UNSTABLE = Spread("ours / floor", (1.0, 2.0, 3.0), aim=1.5, unit="x")


def test_each_phase_is_one_line_with_versions_commit_machine_and_load(tmp_path: Path) -> None:
    history = tmp_path / "bench" / "history.jsonl"
    result = PhaseResult("publish", (Line("publish", 1.5, 2.0, 100.0, "why"),), (UNSTABLE,))
    keep(result, (0.5, 0.4, 0.3), history)
    keep(result, (0.6, 0.4, 0.3), history)
    first, second = [json.loads(line) for line in history.read_text().splitlines()]
    assert first["phase"] == "publish"
    assert first["load_average"] == [0.5, 0.4, 0.3]
    assert second["load_average"][0] == 0.6
    assert {"python", "dagster", "dbt-core", "duckdb", "great-expectations"} <= set(
        first["versions"]
    )
    assert first["commit"]
    assert first["machine"]["cores"] >= first["machine"]["cores_used"] >= 1
    assert first["lines"][0] == {
        "what": "publish",
        "cpu_seconds": 1.5,
        "wall_seconds": 2.0,
        "peak_pss_mib": 100.0,
        "note": "why",
    }
    (ratio,) = first["ratios"]
    assert (ratio["median"], ratio["least"], ratio["most"]) == (2.0, 1.0, 3.0)
    assert ratio["verdict"] == "UNSTABLE, missed"


def test_the_table_tells_the_spread_the_aim_and_that_it_is_unstable() -> None:
    out = io.StringIO()
    show(
        [PhaseResult("full", (Line("shopthread run", 160.0, 570.0, 4329.0),), (UNSTABLE,), "why")],
        Console(file=out, width=40),
    )
    text = out.getvalue()
    for part in ("shopthread run", "160.00", "4,329", "2.00x", "1.00..3.00", "1.5x", "UNSTABLE"):
        assert part in text


def test_a_comparison_becomes_medians_and_keeps_every_round() -> None:
    rounds = tuple(
        {"ours": Figures(cpu, 2 * cpu, peak, {"judging": cpu / 2})}
        for cpu, peak in ((1.0, 10.0), (3.0, 30.0), (2.0, 20.0))
    )
    result = of_outcome("full", ["ours"], Outcome(rounds, (), 21))
    (line,) = result.lines
    assert (line.cpu_seconds, line.wall_seconds, line.peak_pss_mib) == (2.0, 4.0, 30.0)
    assert line.note == "judging 1.00"
    assert "21 results equal" in result.note
    assert len(result.rounds) == 3
