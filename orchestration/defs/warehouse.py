"""The dbt layers, one op each: staging, identity, journey, marts, KPIs, quality."""

import dagster as dg
from dagster_dbt import DbtProject

from orchestration.components.dbt_layer import (
    FlowTranslator,
    checks_of_tests,
    layer_assets,
    ledger_assets,
)
from orchestration.components.run_state import quiet_libraries
from orchestration.sources.config import load_sources
from orchestration.warehouse.manifest import Layer, load_manifest


@dg.definitions
def warehouse() -> dg.Definitions:
    """Every model and seed of the dbt project as an asset of its layer, and the ledger."""
    settings = quiet_libraries()
    manifest = load_manifest(settings)
    project = DbtProject(
        project_dir=settings.dbt_project_dir,
        profiles_dir=settings.dbt_project_dir,
        target_path=settings.manifest_dir.relative_to(settings.dbt_project_dir),
    )
    sources = load_sources(settings.sources_dir, settings.enabled_sources)
    translator = FlowTranslator()
    checks = checks_of_tests(manifest, project, translator)
    layers = [
        layer_assets(layer, manifest, project, translator, sources, checks)
        for layer in Layer
        if manifest.models(layer)
    ]
    return dg.Definitions(assets=[*layers, *ledger_assets(manifest)])
