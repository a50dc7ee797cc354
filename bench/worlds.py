"""The homes that phases work in: the panel's and a tiny one's, each built once when asked for.

A home is built by the product's own command, in a process of its own. What is measured in it
belongs to the phases.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from bench.harness import OUTPUT_FILE, BenchError, measure, program
from orchestration.publish import current
from orchestration.publish.hashes import PUBLISHED_SCHEMAS, counts_for_equality, table_hashes
from orchestration.settings import Settings, load_settings
from tests.tiny_world import build_tiny_panel
from tools.measure import Measurement

BUSINESS_SCHEMAS = tuple(name for name in PUBLISHED_SCHEMAS if name != "quality")
TINY_FIRST = date(2017, 1, 1)
TINY_LAST = date(2017, 1, 14)


@dataclass(frozen=True)
class World:
    """Deliveries and a calendar; homes are folders in which they were or will be run."""

    panel: Path
    first: date
    last: date

    def environment(self, home: Path) -> dict[str, str]:
        """The variables of a run in `home`, with everything else as the product ships it."""
        return {
            "SHOPTHREAD_HOME": str(home),
            "SHOPTHREAD_PANEL_DIR": str(self.panel),
            "SHOPTHREAD_SOURCES": "complete_journey",
            "SHOPTHREAD_FIRST_DAY": self.first.isoformat(),
            "SHOPTHREAD_LAST_DAY": self.last.isoformat(),
            "DAGSTER_HOME": str(home / "dagster"),
        }

    def settings(self, home: Path) -> Settings:
        return load_settings(self.environment(home))

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(sorted(self.panel.glob("*.parquet")))

    def run(self, home: Path, *, extra: Mapping[str, str] | None = None) -> Measurement:
        """One full run of the product in `home`, its figures beside it as `<home>.json`.

        Raises BenchError when it does not succeed.
        """
        home.mkdir(parents=True, exist_ok=True)
        output = home.parent / f"{home.name}-{OUTPUT_FILE}"
        measured = measure(
            [program("shopthread"), "run"],
            "shopthread run",
            {**self.environment(home), **(extra or {})},
            output,
        )
        if measured.exit_code != 0:
            raise BenchError(
                f"a run in {home} ended with {measured.exit_code}, so there is nothing to "
                f"measure; what it said is in {output}"
            )
        _figures_file(home).write_text(json.dumps(asdict(measured)), encoding="utf-8")
        return measured


def cpu_seconds_of_run(home: Path) -> float | None:
    """What the run that made a home cost, if `tools.measure` wrote it to `<home>.json`."""
    path = _figures_file(home)
    if not path.is_file():
        return None
    return float(json.loads(path.read_text(encoding="utf-8"))["cpu_seconds"])


def _figures_file(home: Path) -> Path:
    return home.with_name(f"{home.name}.json")


@dataclass
class Worlds:
    """Both worlds, and one finished home of each. All of it lies in `scratch`."""

    scratch: Path
    finished_panel_home: Path | None = None
    """A home in which the panel's full run has succeeded already; built when None."""
    _homes: dict[str, Path] = field(default_factory=dict)

    @cached_property
    def panel(self) -> World:
        """The installed data package with the product's own calendar."""
        shipped = load_settings({})
        if shipped.last_day is None:
            raise BenchError("the product ships without a last day; the bench needs one")
        return World(shipped.panel_files(), shipped.first_day, shipped.last_day)

    @cached_property
    def tiny(self) -> World:
        """Forty households in two weeks: all that remains of a run is its fixed cost."""
        folder = build_tiny_panel(self.scratch / "tiny-panel", first=TINY_FIRST, last=TINY_LAST)
        return World(folder, TINY_FIRST, TINY_LAST)

    def panel_home(self) -> Path:
        """A home in which the panel was run; nobody may change it."""
        return self.finished_panel_home or self._built("panel", self.panel)

    def tiny_home(self) -> Path:
        """A home in which the tiny world was run; nobody may change it."""
        return self._built("tiny", self.tiny)

    def _built(self, name: str, world: World) -> Path:
        if name not in self._homes:
            home = self.scratch / f"{name}-home"
            world.run(home)
            self._homes[name] = home
        return self._homes[name]


def published_file(settings: Settings) -> Path:
    """The file that readers of a home open."""
    version = current(settings)
    if version is None:
        raise BenchError(f"nothing is published in {settings.home}; run `shopthread run` there")
    return version.analytics_path


def business_marts(database: Path) -> dict[str, object]:
    """The order-free hash of every mart of a DuckDB file that counts for equality.

    Those of `quality` do not; in a warehouse they are views that read files of its home.
    """
    hashes = table_hashes(database, BUSINESS_SCHEMAS)
    return {mart: found for mart, found in hashes.items() if counts_for_equality(mart)}


def lend(source: Path, home: Path, *names: str) -> None:
    """Let `home` read parts of another home without a copy of their files."""
    home.mkdir(parents=True, exist_ok=True)
    for name in names:
        (home / name).symlink_to(source / name, target_is_directory=True)


def copy(source: Path, home: Path, *names: str) -> None:
    """Copy parts of another home, to be changed."""
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, home / name)
        else:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, home / name)
