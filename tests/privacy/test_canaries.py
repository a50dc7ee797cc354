"""After everything has failed once, no personal value and no secret is where it may not be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import Settings
from tests.pipeline.worlds import FIRST, LAST, World
from tests.privacy.canaries import PEOPLE, SECRET, Hit, contents, scan
from tests.privacy.failing_runs import ALL, Stage, plant_in, stage_in
from tests.tiny_world import build_tiny_panel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LEAST_FAILURES = 25
ONLY_AT_ITS_SOURCE = "address in a column of times"
"""Of a base file that cannot be read nothing is set aside; that it was refused is asserted."""


def declared_stores(settings: Settings) -> tuple[Path, ...]:
    """Where personal values may lie: as delivered, set aside, or in the vault."""
    return (
        settings.identifiers_dir,
        settings.quarantine_dir,
        settings.inbox_dir,
        settings.scratch_dir,
        *settings.published_dir.glob("*/identified.duckdb"),
    )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("canaries")
    tiny = build_tiny_panel(folder / "tiny", first=FIRST, last=LAST)
    panel = plant_in(tiny, folder / "panel")
    with pytest.MonkeyPatch.context() as patch:
        world = World(
            {
                "SHOPTHREAD_HOME": str(folder / "var"),
                "SHOPTHREAD_PANEL_DIR": str(panel),
                "SHOPTHREAD_SOURCES": "complete_journey",
                "SHOPTHREAD_FIRST_DAY": FIRST.isoformat(),
                "SHOPTHREAD_LAST_DAY": LAST.isoformat(),
            },
            patch,
        )
        ready = stage_in(folder, panel, world)
        ready.build()
        for provoke in ALL:
            provoke(ready)
        yield ready


def within(hit: Hit, stores: tuple[Path, ...]) -> bool:
    return any(hit.path == store or store in hit.path.parents for store in stores)


def in_words(hits: list[Hit], home: Path) -> str:
    return "\n".join(
        f"{hit.path.relative_to(home) if home in hit.path.parents else hit.path.name}"
        f" ({hit.way}): {hit.around}"
        for hit in hits
    )


@pytest.fixture(scope="module")
def found(stage: Stage) -> list[Hit]:
    return [*stage.hits, *scan(stage.home, stage.said)]


def test_enough_different_places_failed(stage: Stage) -> None:
    assert len(set(stage.failed)) == len(stage.failed) >= LEAST_FAILURES


def test_no_personal_value_is_outside_its_declared_stores(stage: Stage, found: list[Hit]) -> None:
    stores = declared_stores(stage.world.settings)
    leaked = [hit for hit in found if hit.mark != SECRET and not within(hit, stores)]
    assert leaked == [], in_words(leaked, stage.home)


def test_no_secret_is_anywhere(stage: Stage, found: list[Hit]) -> None:
    leaked = [hit for hit in found if hit.mark == SECRET]
    assert leaked == [], in_words(leaked, stage.home)


PROMISED_TO_BE_CLEAN = (
    "dagster/history/runs.db",
    "dagster/history/runs/index.db",
    "dagster/history/runs/*-*.db",
    "dagster/storage/*/compute_logs/*.err",
    "ledger.sqlite",
    "logs/last-run.log",
    "published/*/aggregate/*.parquet",
    "published/*/analytics.duckdb",
    "published/*/manifest.json",
    "report.html",
    "warehouse/dbt/logs/*",
    "warehouse/dbt/run/**/*.sql",
    "warehouse/ledger/*.parquet",
    "warehouse/warehouse.duckdb",
)
"""Of the state; what commands said lies beside it."""


@pytest.mark.parametrize("place", PROMISED_TO_BE_CLEAN)
def test_every_place_was_there_to_be_read_and_is_no_declared_store(
    stage: Stage, place: str
) -> None:
    """A place that this world never filled would be clean as well."""
    stores = declared_stores(stage.world.settings)
    filled = [path for path in stage.home.glob(place) if path.stat().st_size]
    assert filled, f"{place} holds nothing"
    assert not any(within(Hit(path, "", "", ""), stores) for path in filled)


def test_every_canary_reached_the_product(stage: Stage) -> None:
    """A canary that was never planted would be found nowhere as well."""
    held = bytearray()
    for store in declared_stores(stage.world.settings):
        for path in [store] if store.is_file() else sorted(store.rglob("*")):
            held += path.name.encode()
            if path.is_file():
                for _, data in contents(path):
                    held += data
    missing = [name for name, value in PEOPLE.items() if value.encode() not in held]
    assert missing == [ONLY_AT_ITS_SOURCE]


def test_scratch_is_empty_when_no_run_goes_on(stage: Stage) -> None:
    assert list(stage.world.settings.scratch_dir.iterdir()) == []


def test_customers_with_canaries_are_published(stage: Stage) -> None:
    (identified,) = stage.world.settings.published_dir.glob("[0-9]*/identified.duckdb")
    marks = [hit for hit in scan(identified.parent) if hit.path == identified]
    assert marks, "the vault's join reached the one file that may hold it"
