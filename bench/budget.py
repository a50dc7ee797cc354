"""Counts of one full run of the tiny world against a committed budget.

Seconds of a shared machine say little, counts say the same everywhere: a second dbt call, a
process more, a file written twice show up as a number. `python -m bench.budget` counts and
compares, `--update` writes the counts into `bench/budget.yaml`. A count may exceed its budget
by the tolerance that stands beside it and no more.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import yaml

from bench.run_events import read_run
from bench.worlds import World, Worlds
from orchestration.publish import current
from orchestration.settings import Settings
from orchestration.warehouse.manifest import load_manifest

BUDGET = Path(__file__).resolve().parent / "budget.yaml"
COUNTING = Path(__file__).resolve().parent / "counting"

_HEAD = """\
# What one full run of the tiny world (40 households, two weeks) may count. A count above its
# budget by more than its tolerance (a share of it) fails tests/pipeline/test_budget.py.
# Written by `python -m bench.budget --update`; review the diff, and say in the commit what the
# new cost buys. `because` says how it is counted and why its tolerance is what it is.
"""


@dataclass(frozen=True)
class Allowance:
    """How much of something a run may have."""

    budget: int
    tolerance: float
    because: str

    @property
    def most(self) -> int:
        return int(self.budget * (1 + self.tolerance))


class BudgetError(ValueError):
    """The budget cannot be compared with: it and the counts name different things."""


def count_run(world: World, home: Path) -> dict[str, int]:
    """Run the product once in an empty `home` and count what it did."""
    settings = world.settings(home)
    # Parsed here, so that a project that was just edited is not a process more.
    load_manifest(settings)
    log = home.parent / f"{home.name}-counts.txt"
    paths = [str(COUNTING), *filter(None, [os.environ.get("PYTHONPATH")])]
    world.run(
        home,
        extra={"SHOPTHREAD_BENCH_COUNTS": str(log), "PYTHONPATH": os.pathsep.join(paths)},
    )
    events = read_run(home, world.environment(home))
    return {
        **words(log.read_text(encoding="utf-8")),
        **_landing(settings),
        **_warehouse(settings),
        **_published(settings),
        "dagster_events": events.events,
        "checks": events.checks,
    }


def words(text: str) -> dict[str, int]:
    """What `counting/sitecustomize.py` noted, added up."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        found[line.partition(" ")[0]] += 1
    return {
        "processes": found["interpreter"] + found["fork"] + found["program"],
        "dbt_invocations": found["dbt"],
        "duckdb_statements": found["statement"],
    }


def _landing(settings: Settings) -> dict[str, int]:
    files = sorted(settings.landing_dir.rglob("*.parquet"))
    return {
        "landing_files": len(files),
        "landing_rows": sum(pq.ParquetFile(path).metadata.num_rows for path in files),
        "landing_bytes": sum(path.stat().st_size for path in files),
    }


def _warehouse(settings: Settings) -> dict[str, int]:
    rows = 0
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        tables = connection.execute(
            'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables()'
            " order by all"
        ).fetchall()
        for (table,) in tables:
            found = connection.execute(f"select count(*) from {table}").fetchone()
            rows += int(found[0]) if found else 0
    return {
        "warehouse_tables": len(tables),
        "warehouse_rows": rows,
        "warehouse_bytes": settings.warehouse_path.stat().st_size,
    }


def _published(settings: Settings) -> dict[str, int]:
    version = current(settings)
    if version is None:
        raise BudgetError(f"the run in {settings.home} published nothing; there is no whole run")
    files = [path for path in version.directory.rglob("*") if path.is_file()]
    return {
        "published_files": len(files),
        "published_rows": sum(mart.rows for mart in version.manifest.marts.values()),
        "published_bytes": sum(path.stat().st_size for path in files),
    }


def load_budget(path: Path = BUDGET) -> dict[str, Allowance]:
    """Read the committed budget."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Allowance(**entry) for name, entry in document.items()}


def exceeded(counts: Mapping[str, int], budget: Mapping[str, Allowance]) -> list[str]:
    """A sentence for each count above what it may be.

    Raises BudgetError when something is counted that has no budget, or the other way round.
    """
    if counts.keys() != budget.keys():
        raise BudgetError(
            f"counted without a budget: {sorted(counts.keys() - budget.keys()) or 'nothing'}; "
            f"budget without a count: {sorted(budget.keys() - counts.keys()) or 'nothing'}; "
            f"repair {BUDGET.name} with `python -m bench.budget --update`"
        )
    return [
        f"{name}: {count:,} in one run, and its budget is {budget[name].budget:,}"
        f" + {budget[name].tolerance:.0%} = {budget[name].most:,}. Find what was added; if it is"
        " worth that, run `python -m bench.budget --update` and commit the budget with it"
        for name, count in sorted(counts.items())
        if count > budget[name].most
    ]


def written(counts: Mapping[str, int], budget: Mapping[str, Allowance]) -> str:
    """The budget file with these counts; tolerances and reasons stay as they are."""
    unknown = Allowance(
        0, 0.0, "not said yet: how it is counted, and what its tolerance allows for"
    )
    entries = []
    for name, count in counts.items():
        kept = budget.get(name, unknown)
        entries.append(
            f"{name}:\n  budget: {count}\n  tolerance: {kept.tolerance:g}\n"
            f"  because: {yaml.safe_dump(kept.because, width=10_000).splitlines()[0]}\n"
        )
    return _HEAD + "\n" + "\n".join(entries)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="bench.budget", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the counts as the new budget")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shopthread-budget-") as folder:
        worlds = Worlds(Path(folder))
        counts = count_run(worlds.tiny, Path(folder) / "home")
    budget = load_budget() if BUDGET.exists() else {}
    for name, count in counts.items():
        allowed = f"of {budget[name].budget:,}" if name in budget else "without a budget"
        print(f"{name:20} {count:>12,} {allowed}")
    if options.update:
        BUDGET.write_text(written(counts, budget), encoding="utf-8")
        print(f"budget: written to {BUDGET.name}")
        return 0
    problems = exceeded(counts, budget)
    for problem in problems:
        print(f"budget: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
