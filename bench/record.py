"""Keep what was measured, with everything one must know to read it later.

One JSON line a phase in `var/bench/history.jsonl`: versions, commit, machine, load. Printing
is here as well, so that the terminal and the file tell the same. Judging belongs to the
ratios of `harness`.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.harness import ROOT, Outcome, Spread

HISTORY = ROOT / "var" / "bench" / "history.jsonl"

_PACKAGES = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations")
_TERMINAL_COLUMNS = 150


@dataclass(frozen=True)
class Line:
    """One line of the table: figures of a candidate, or of a part of it."""

    what: str
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    peak_pss_mib: float | None = None
    note: str = ""


@dataclass(frozen=True)
class PhaseResult:
    """What a phase found out."""

    phase: str
    lines: tuple[Line, ...]
    spreads: tuple[Spread, ...] = ()
    note: str = ""
    rounds: Sequence[Mapping[str, object]] = field(default_factory=tuple)


def of_outcome(phase: str, names: Sequence[str], outcome: Outcome, note: str = "") -> PhaseResult:
    """A comparison as lines, a candidate each, in the given order."""
    lines = []
    for name in names:
        median = outcome.median(name)
        parts = ", ".join(f"{part} {seconds:.2f}" for part, seconds in median.parts.items())
        lines.append(
            Line(name, median.cpu_seconds, median.wall_seconds, median.peak_pss_mib, parts)
        )
    equal = f"{outcome.compared} results equal in each round" if outcome.compared else ""
    rounds = [
        {
            name: {
                "cpu_seconds": figures.cpu_seconds,
                "wall_seconds": figures.wall_seconds,
                "peak_pss_mib": figures.peak_pss_mib,
                "parts": dict(figures.parts),
            }
            for name, figures in one.items()
        }
        for one in outcome.rounds
    ]
    return PhaseResult(
        phase, tuple(lines), outcome.spreads, "; ".join(filter(None, (equal, note))), rounds
    )


def machine() -> dict[str, object]:
    """Describe what the figures are measured on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "cores_used": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
    }


def versions() -> dict[str, str]:
    """Versions of what does the work, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def commit() -> str:
    """The commit that is measured, marked when the tree differs from it."""
    found = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude", "*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def keep(result: PhaseResult, load: tuple[float, float, float], path: Path = HISTORY) -> None:
    """Append one phase to the history. `load` is the machine's load average at its start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {
        "phase": result.phase,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "load_average": [round(value, 2) for value in load],
        "note": result.note,
        "lines": [
            {
                "what": item.what,
                "cpu_seconds": item.cpu_seconds,
                "wall_seconds": item.wall_seconds,
                "peak_pss_mib": item.peak_pss_mib,
                "note": item.note,
            }
            for item in result.lines
        ],
        "ratios": [
            {
                "label": spread.label,
                "median": round(spread.median, 4),
                "least": round(min(spread.values), 4),
                "most": round(max(spread.values), 4),
                "unit": spread.unit,
                "aim": spread.aim,
                "verdict": spread.verdict,
            }
            for spread in result.spreads
        ],
        "rounds": list(result.rounds),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def show(results: Sequence[PhaseResult], console: Console | None = None) -> None:
    """Print one table over all phases."""
    table = Table(
        "phase", "what", "CPU s", "wall s", "peak MiB", "median", "least..most", "aim", ""
    )
    for result in results:
        for item in result.lines:
            table.add_row(
                result.phase,
                item.what,
                _number(item.cpu_seconds),
                _number(item.wall_seconds),
                _number(item.peak_pss_mib, 0),
                "",
                "",
                "",
                item.note,
            )
        for spread in result.spreads:
            table.add_row(
                result.phase,
                spread.label,
                "",
                "",
                "",
                f"{spread.median:.2f}{spread.unit}",
                f"{min(spread.values):.2f}..{max(spread.values):.2f}",
                "" if spread.aim is None else f"{spread.aim:g}{spread.unit}",
                spread.verdict,
            )
        if result.note:
            table.add_row(result.phase, result.note)
        table.add_section()
    out = console or Console()
    # A narrow or a missing terminal would cut words out of the figures.
    out.width = max(out.width, _TERMINAL_COLUMNS)
    out.print(table)


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2] for line in text.splitlines() if line.startswith("model name"))
    return next(names, platform.processor()).strip()
