"""Run the product's phases once each in an empty home and print what they cost.

`python -m bench.phases` (or `make bench`). How a command is measured is in
`tools.measure`; what the phases are is here. Budgets belong to neither.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.measure import Measurement, measure

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "var" / "bench" / "phases.json"
COMMAND = str(Path(sys.executable).parent / "shopthread")

PHASES = (
    ("first run", ("demo", "--no-ui")),
    ("second run", ("demo", "--no-ui")),
    ("report", ("report",)),
    ("query", ("query", "select count(*) as orders from fct_orders")),
)


def machine() -> dict[str, str | int | None]:
    """Describe what the figures were measured on."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "duckdb": version("duckdb"),
        "dagster": version("dagster"),
    }


def run_phases(home: Path) -> list[Measurement]:
    """Run every phase in `home`; stops at the first that fails."""
    environment = {**os.environ, "SHOPTHREAD_HOME": str(home)}
    done: list[Measurement] = []
    for label, arguments in PHASES:
        result = measure([COMMAND, *arguments], label=label, environment=environment)
        done.append(result)
        if result.exit_code != 0:
            raise SystemExit(
                f"bench: {label} ended with {result.exit_code}; its output is above and its "
                f"state is kept in {home}"
            )
    return done


def main() -> int:
    """Measure, print, keep the figures."""
    home = Path(tempfile.mkdtemp(prefix="shopthread-bench-"))
    results = run_phases(home)
    shutil.rmtree(home, ignore_errors=True)
    table = Table("phase", "wall s", "CPU s", "peak MiB (PSS)", "processes", title="shopthread")
    for result in results:
        table.add_row(
            result.label,
            f"{result.wall_seconds:.1f}",
            f"{result.cpu_seconds:.1f}",
            f"{result.peak_pss_mib:.0f}",
            str(result.peak_processes),
        )
    Console().print(table)
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    figures = {"machine": machine(), "phases": [asdict(result) for result in results]}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"bench: figures in {FIGURES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
