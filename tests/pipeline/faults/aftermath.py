"""What tests of killed runs deliver, and what must be true behind them.

Readers see one whole version, and what comes out in the end equals runs that nobody killed.
How a run is killed belongs to the tests.
"""

import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.publish import TableHash, connect, current, table_hashes
from orchestration.publish.hashes import counts_for_equality
from orchestration.settings import load_settings
from tests.pipeline.worlds import World


def deliver(world: World, number: int, *, refused: bool = False) -> None:
    """Bring something new: one day with fewer lines than ever before, maybe a bad file."""
    day = date(2017, 1, 2 + number % 12)
    lines = world.day_of_transactions(day)
    world.deliver("transactions", day.isoformat(), lines.iloc[: len(lines) - 1 - number // 12])
    if refused:
        answers = world.delivered("demographics").rename(columns={"age": f"years_{number}"})
        world.deliver("demographics", "snapshot", answers)


def assert_one_whole_version(home: Path) -> None:
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    served = current(settings)
    assert served is not None
    with connect(settings) as reader:
        for mart, entry in served.manifest.marts.items():
            schema, name = mart.split(".")
            rows = reader.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
            assert rows == (entry.rows,), f"{mart} of version {served.version}"


@dataclass(frozen=True)
class Outcome:
    """What must be equal: the business marts, and what became of every batch."""

    marts: Mapping[str, TableHash]
    batches: frozenset[tuple[str, str, int, int, int]]


def outcome(home: Path) -> Outcome:
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    served = current(settings)
    assert served is not None
    marts = table_hashes(served.analytics_path)
    with sqlite3.connect(settings.ledger_path) as ledger:
        batches = ledger.execute(
            "select batch_id, verdict, physical_rows, landed_rows, quarantined_rows from batches"
        ).fetchall()
    return Outcome(
        {name: value for name, value in marts.items() if counts_for_equality(name)},
        frozenset(batches),
    )


def never_killed(built_home: Path, inbox: Path, folder: Path) -> Path:
    """A home that lies before the same last deliveries and was never disturbed."""
    twin = folder / "twin"
    shutil.copytree(built_home, twin, symlinks=True)
    shutil.copytree(inbox, twin / "inbox", dirs_exist_ok=True)
    return twin
