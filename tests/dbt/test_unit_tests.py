"""Every rule of the models: dbt's own unit tests, run as one build on an empty warehouse."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.landing.contract import EntityContract
from orchestration.settings import PROJECT_DIR, Settings, load_settings
from orchestration.warehouse.manifest import DbtManifest


@pytest.fixture
def empty_home(tmp_path: Path) -> Settings:
    """A home where nothing has landed: typed, empty contracts and an empty ledger."""
    from orchestration.components.source import entity_contract
    from orchestration.landing.empty_files import write_empty_file
    from orchestration.landing.ledger import Ledger
    from orchestration.sources.config import load_sources

    settings = load_settings(
        {"SHOPTHREAD_HOME": str(tmp_path / "var"), "SHOPTHREAD_PANEL_DIR": str(tmp_path)}
    )
    ledger = Ledger(settings.ledger_path)
    sources = load_sources(settings.sources_dir)
    for source in sources:
        for entity in source.entities:
            contract = entity_contract(settings, source.source, entity.name)
            assert isinstance(contract, EntityContract)
            write_empty_file(
                settings.landing_dir / source.source / entity.name,
                contract,
                partitioned=entity.partitioned,
            )
    ledger.export_books(settings.ledger_export_dir, sources, None)
    ledger.export_what_every_run_changes(settings.ledger_export_dir)
    return settings


def dbt(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    project = str(PROJECT_DIR / "dbt_project")
    return subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(settings.dbt_target_dir)),
            *("--log-path", str(settings.dbt_target_dir)),
        ],
        env={**os.environ, "SHOPTHREAD_HOME": str(settings.home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.mission("M033", part="hand-checked lifts, as dbt unit tests of mart_basket_affinity")
def test_every_rule_holds_and_every_contract_exists_before_anything_landed(
    empty_home: Settings, manifest: DbtManifest
) -> None:
    # The rules of a model are asked before it is built, on what it is built from.
    built = dbt(empty_home, "build", "--exclude-resource-types", "test")
    assert built.returncode == 0, built.stdout[-6000:]
    with duckdb.connect(
        str(empty_home.warehouse_path), config={"file_search_path": str(empty_home.home)}
    ) as connection:
        rows = connection.execute("select count(*) from staging.stg_pos__transactions").fetchone()
    assert rows == (0,)
    results = json.loads((empty_home.dbt_target_dir / "run_results.json").read_text("utf-8"))
    said = {result["unique_id"]: result["status"] for result in results["results"]}
    unit_tests = manifest.content["unit_tests"]
    assert {name: said.get(name) for name in unit_tests} == dict.fromkeys(unit_tests, "pass")
    assert len(unit_tests) > 20


def test_unit_tests_are_named_as_sentences(manifest: DbtManifest) -> None:
    short = [
        node["name"]
        for node in manifest.content["unit_tests"].values()
        if len(node["name"].split("_")) < 4
    ]
    assert short == []
