"""Building and judging interrupted at each of their places: nothing unfinished is built upon."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from orchestration.components.build_chain import (
    BrokenChainError,
    Commission,
    build_chain,
    build_in_chain,
)
from orchestration.components.suite_checks import Session, judge_tables
from orchestration.failpoints import Action, Place
from orchestration.landing.ledger import Ledger
from orchestration.publish import table_hashes
from orchestration.quality import load_suites
from orchestration.settings import Settings, apply_environment, load_settings
from orchestration.sources.config import load_sources
from orchestration.warehouse.manifest import DbtManifest, Layer, load_manifest
from tests.pipeline.faults.children import IN_A_ROW, interrupted, run_child
from tests.pipeline.worlds import World

MODELS = (
    "seed.shopthread.channels",
    "model.shopthread.src_complete_journey__products",
    "model.shopthread.stg_catalog__products",
)
SCHEMAS = ("reference", "staging")


def _open() -> tuple[Settings, Ledger, DbtManifest]:
    settings = load_settings()
    apply_environment(settings)
    return settings, Ledger(settings.ledger_path), load_manifest(settings)


def build(rebuild: bool) -> None:
    """Build some of staging: a seed, a view and a table that reads what landed."""
    settings, ledger, manifest = _open()
    tests = [
        name for name, test in manifest.tests() if set(test["depends_on"]["nodes"]) <= set(MODELS)
    ]
    assert tests
    asked = Commission(Layer.STAGING, MODELS, tests, str(os.getpid()), rebuild=rebuild)
    sources = load_sources(settings.sources_dir, settings.enabled_sources)
    outcome = build_in_chain(settings, ledger, manifest, asked, sources, lambda: None)
    assert not [result.unique_id for result in outcome.results if result.failed]


def judge() -> None:
    settings, ledger, _ = _open()
    found = load_suites(settings.expectations_dir)
    suites = {
        "/".join(suite.asset_key): suite
        for path, file in found.items()
        if path.parent.name == "int_identity"
        for suite in file.tables.values()
    }
    verdicts, _ = judge_tables(
        settings, ledger, suites.keys(), suites, Session("int_identity", "again", lambda: None)
    )
    assert all(verdict.outcome.opens_gate for verdict in verdicts.values())


def hashes(world: World) -> Mapping[str, object]:
    return table_hashes(world.settings.warehouse_path, ("reference", "int_identity", "commerce"))


def check_records(home: Path) -> list[tuple[object, ...]]:
    import sqlite3

    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        return ledger.execute(
            "select asset, check_name, expectation, column_name, outcome from check_results"
            " order by 1, 2, 3, 4"
        ).fetchall()


@pytest.mark.parametrize("actions", IN_A_ROW)
@pytest.mark.parametrize("place", [place for place in Place if place.startswith("warehouse.")])
def test_what_an_interrupted_build_left_is_built_again_before_anybody_builds_upon_it(
    world: World, place: Place, actions: Sequence[Action]
) -> None:
    world.enter()
    before = hashes(world)
    nth = 2 if place is Place.WAREHOUSE_NODE_DONE else 1
    settings, ledger = world.settings, world.ledger
    manifest = load_manifest(settings)
    began = place not in {Place.WAREHOUSE_LOCKED, Place.WAREHOUSE_EXPORTED}
    finished = place is Place.WAREHOUSE_SETTLED
    for action in actions:
        interrupted(place, action, build, True, environment=world.environment, nth=nth)
        chain = build_chain(settings, ledger, manifest, "asks")
        unfit = chain.wanted.unfit(chain.stamps, MODELS)
        assert unfit == (list(MODELS) if began and not finished else []), action
        if unfit:
            with pytest.raises(BrokenChainError, match="is unfinished, run"):
                chain.require(["model.shopthread.dim_product"], "dim_product")
            with pytest.raises(BrokenChainError):
                chain.require_all("a version")
    assert run_child(build, False, environment=world.environment) == 0
    healed = build_chain(settings, ledger, manifest, "asks")
    assert healed.wanted.unfit(healed.stamps, sorted(healed.wanted.by_id)) == []
    assert hashes(world) == before
    assert not Path(f"{settings.warehouse_path}.wal").exists()


@pytest.mark.parametrize("actions", IN_A_ROW)
@pytest.mark.parametrize("place", [place for place in Place if place.startswith("gate.")])
def test_an_interrupted_gate_is_judged_again_as_a_whole(
    world: World, place: Place, actions: Sequence[Action]
) -> None:
    world.enter()
    before, tables = check_records(world.settings.home), hashes(world)
    for action in actions:
        interrupted(place, action, judge, environment=world.environment)
    assert run_child(judge, environment=world.environment) == 0
    assert check_records(world.settings.home) == before
    assert hashes(world) == tables
