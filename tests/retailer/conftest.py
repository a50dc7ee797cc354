"""The tiny retailer, landed by the real landing and its real contracts, then staged by dbt.

No Dagster: a source is tried in seconds. What a whole run does is in `tests/pipeline`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb
import pytest

from orchestration.components.source import open_landing, write_contracts_of_resting_sources
from orchestration.demo.deliveries import hand_over
from orchestration.demo.incidents import Planting
from orchestration.demo.panel import NO_PANEL
from orchestration.demo.retailer import generate
from orchestration.demo.sizes import SIZES
from orchestration.landing.land import LandingReport
from orchestration.landing.ledger import Ledger
from orchestration.settings import PROJECT_DIR, Settings, load_settings
from orchestration.sources.config import load_sources

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def synthetic_sources() -> list[str]:
    """Keys of every configured source that reads what the retailer writes.

    SHOPTHREAD_TRY names some of them, for somebody who adds one.
    """
    asked = {name for name in os.environ.get("SHOPTHREAD_TRY", "").split(",") if name}
    return [
        source.source
        for source in load_sources(load_settings({}).sources_dir)
        if source.reader.kind == "synthetic_retailer" and (not asked or source.source in asked)
    ]


@dataclass
class Retailer:
    """A home into which the retailer delivers."""

    settings: Settings
    environment: dict[str, str]

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_path)

    def land(self, source_key: str) -> dict[str, LandingReport]:
        """Land everything that a source delivered, entity by entity."""
        (source,) = [
            one
            for one in load_sources(self.settings.sources_dir, self.settings.enabled_sources)
            if one.source == source_key
        ]
        return {
            entity.name: open_landing(
                self.settings, self.ledger, source, entity, "run-1", NOW
            ).land()
            for entity in source.entities
        }

    def dbt(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run dbt on this home, with the books of the ledger exported before."""
        write_contracts_of_resting_sources(self.settings)
        sources = load_sources(self.settings.sources_dir, self.settings.enabled_sources)
        self.ledger.export_books(self.settings.ledger_export_dir, sources, date(2017, 4, 2))
        self.ledger.export_what_every_run_changes(self.settings.ledger_export_dir)
        project = str(PROJECT_DIR / "dbt_project")
        return subprocess.run(
            [
                *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments),
                *("--project-dir", project, "--profiles-dir", project),
                *("--target-path", str(self.settings.dbt_target_dir)),
                *("--log-path", str(self.settings.dbt_target_dir)),
            ],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Rows of a query on the warehouse."""
        with duckdb.connect(str(self.settings.warehouse_path), read_only=True) as connection:
            connection.execute(f"set file_search_path = '{self.settings.home}'")
            return connection.execute(query).fetchall()


Delivering = Callable[[Planting], Retailer]


@pytest.fixture(scope="session")
def delivering(tmp_path_factory: pytest.TempPathFactory) -> Delivering:
    """Makes a home into which the tiny retailer delivered, with or without incidents."""

    def deliver(planting: Planting) -> Retailer:
        home = tmp_path_factory.mktemp("retailer") / "var"
        size = SIZES["tiny"]
        environment = {
            "SHOPTHREAD_HOME": str(home),
            "SHOPTHREAD_SOURCES": ",".join(synthetic_sources()),
            "SHOPTHREAD_FIRST_DAY": size.first_date.isoformat(),
            "SHOPTHREAD_LAST_DAY": "2017-12-31",
        }
        settings = load_settings(environment)
        generate(settings.retailer_dir, size=size, seed=7, panel=NO_PANEL, planting=planting)
        hand_over(settings.retailer_dir, settings.inbox_dir)
        return Retailer(settings, environment)

    return deliver


@pytest.fixture(scope="session")
def clean(delivering: Delivering) -> Retailer:
    """A home with the deliveries of a retailer where nothing goes wrong; nothing is landed."""
    return delivering(Planting.NONE)
