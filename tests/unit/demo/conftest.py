"""One small retailer for all tests of the demo, its files read back as people would."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pytest

from orchestration.demo.books import Books
from orchestration.demo.deliveries import Delivered
from orchestration.demo.feeds import Feed
from orchestration.demo.formats import Parquet
from orchestration.demo.incidents import Planting
from orchestration.demo.panel import NO_PANEL, PanelCards, read_panel_cards
from orchestration.demo.retailer import Outcome, generate
from orchestration.demo.sizes import TINY, Size
from orchestration.settings import load_settings
from tests.unit.demo.reading import read_file

SEED = 7
SMALLEST = replace(
    TINY, name="smallest", day_count=24, daily_days=18, card_people=120, online_people=500
)
"""Without the panel, for tests that need several runs."""
FEW_FILES = replace(SMALLEST, name="few files", daily_days=3)
"""Too few days for an incident."""


@dataclass(repr=False)
class Retailer:
    """A run with its files."""

    output: Path
    outcome: Outcome
    _tables: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)
    _files: dict[Path, pd.DataFrame] = field(default_factory=dict)

    @property
    def books(self) -> Books:
        return self.outcome.books

    def feed(self, source: str, entity: str) -> Feed:
        return next(f for f in self.outcome.totals if (f.source, f.entity) == (source, entity))

    def files(self, source: str, entity: str) -> list[Delivered]:
        """Deliveries of an entity in the order of their arrival."""
        of_entity = [d for d in self.outcome.delivered if (d.source, d.entity) == (source, entity)]
        return sorted(of_entity, key=lambda d: (str(d.delivered_on or ""), d.partition))

    def read(self, delivered: Delivered) -> pd.DataFrame:
        """One file; a test that changes the frame works on a copy."""
        if delivered.path not in self._files:
            feed = self.feed(delivered.source, delivered.entity)
            self._files[delivered.path] = read_file(self.output / delivered.path, feed.dialect)
        return self._files[delivered.path]

    def table(self, source: str, entity: str) -> pd.DataFrame:
        """What a receiver holds in the end: the last delivery of every partition."""
        key = (source, entity)
        if key not in self._tables:
            last = {delivered.partition: delivered for delivered in self.files(source, entity)}
            frames = [self.read(delivered) for delivered in last.values()]
            table = pd.concat([f for f in frames if len(f)] or frames[:1])
            is_text = not isinstance(self.feed(source, entity).dialect, Parquet)
            # JSON leaves out what is empty, so a column may be missing on some days.
            self._tables[key] = table.fillna("") if is_text else table
        return self._tables[key].reset_index(drop=True)

    def truth(self, name: str) -> pd.DataFrame:
        key = ("truth", name)
        if key not in self._tables:
            file = self.output / "truth" / f"{name}.csv"
            self._tables[key] = pd.read_csv(file, dtype=str, keep_default_na=False)
        return self._tables[key]


@pytest.fixture(scope="session")
def panel() -> PanelCards:
    return read_panel_cards(load_settings().panel_files())


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, panel: PanelCards) -> Callable[..., Retailer]:
    """Make a run; the same arguments make it once."""
    made: dict[tuple[Size, int, Planting], Retailer] = {}

    def make(seed: int = SEED, planting: Planting = Planting.ALL, size: Size = TINY) -> Retailer:
        key = (size, seed, planting)
        if key not in made:
            output = tmp_path_factory.mktemp(f"{size.name}-{seed}-{planting}")
            cards = panel if size == TINY else NO_PANEL
            outcome = generate(output, size=size, seed=seed, panel=cards, planting=planting)
            made[key] = Retailer(output, outcome)
        return made[key]

    return make


@pytest.fixture(scope="session")
def retailer(run: Callable[..., Retailer]) -> Retailer:
    """The run with all incidents."""
    return run()


@pytest.fixture(scope="session")
def clean(run: Callable[..., Retailer]) -> Retailer:
    """A small run without any."""
    return run(size=SMALLEST, planting=Planting.NONE)
