"""The house rules about the asset graph as Dagster loads it, as functions to what breaks them.

Each returns one sentence per breach, naming the asset, check, op or job, and an empty list
when its rule holds; tests/architecture runs them on the project and on small graphs that break
them. Rules about files, models and suites lie in `tools.house`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_asset_check_key_for_test


def _own(graph: AssetGraph) -> Iterator[Any]:
    for key in sorted(graph.materializable_asset_keys, key=lambda key: key.to_user_string()):
        yield graph.get(key)


def undeclared_assets(graph: AssetGraph, groups: Collection[str]) -> list[str]:
    """Every asset has words, an owner and a kind, and stands in one of the flow's groups.

    Also one that nothing materialises: the UI shows it among the rest.
    """
    found = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.to_user_string()):
        asset = graph.get(key)
        name = asset.key.to_user_string()
        said = {"description": asset.description, "owner": asset.owners, "kind": asset.kinds}
        found += [f"{name}: has no {what}" for what, value in said.items() if not value]
        if asset.group_name not in groups:
            found.append(f"{name}: its group {asset.group_name} is no word of the flow")
    used = {asset.group_name for asset in _own(graph)}
    return found + [f"group {name}: has no asset" for name in groups if name not in used]


def tests_that_never_run(
    graph: AssetGraph, manifest: Mapping[str, Any], translator: DagsterDbtTranslator
) -> list[str]:
    """Every dbt test is an asset check: one that is none runs in no op."""
    found = []
    for unique_id, node in sorted(manifest["nodes"].items()):
        if node["resource_type"] != "test":
            continue
        check = get_asset_check_key_for_test(manifest, translator, unique_id, project=None)
        if check not in graph.asset_check_keys:
            found.append(f"{node['name']}: is no asset check, so it never runs")
    return found


def checks_that_ask_a_later_layer(
    graph: AssetGraph, layers: Mapping[dg.AssetKey, int]
) -> list[str]:
    """No check asks an asset of a later layer: it would cut its layer's op in two.

    `layers` gives the rank of each asset's layer in the flow.
    """
    return [
        f"{check.to_user_string()}: asks {asked.asset_key.to_user_string()}, a later layer"
        for check in sorted(graph.asset_check_keys, key=lambda check: check.to_user_string())
        for asked in graph.get_check_spec(check).additional_deps
        if check.asset_key in layers and layers.get(asked.asset_key, -1) > layers[check.asset_key]
    ]


def ops_that_are_no_layer(job: dg.JobDefinition, layers: Collection[str]) -> list[str]:
    """Beside landing, a job has one build and one gate per layer, the publish and the report.

    A layer that is cut in two appears here as an op that nobody expects.
    """
    ops = {name for name in job.graph.node_dict if not name.startswith("land_")}
    expected = {
        *(f"build_{layer}" for layer in layers),
        *(f"judge_{layer}" for layer in layers),
        "publish_version",
        "write_report",
    }
    return [
        *(f"job {job.name}: op {name} is missing" for name in sorted(expected - ops)),
        *(f"job {job.name}: op {name} is no layer" for name in sorted(ops - expected)),
    ]


def assets_that_publish_does_not_wait_for(
    graph: AssetGraph, version: dg.AssetKey, report: dg.AssetKey
) -> list[str]:
    """The published version lies behind every asset, and the report behind the version."""
    before = graph.get_ancestor_asset_keys(version)
    found = [
        f"{asset.key.to_user_string()}: {version.to_user_string()} does not wait for it"
        for asset in _own(graph)
        if asset.key not in before | {version, report}
    ]
    if version not in graph.get_ancestor_asset_keys(report):
        found.append(f"{report.to_user_string()}: does not wait for {version.to_user_string()}")
    return found


def ops_outside_the_queue(job: dg.JobDefinition, pool: str, free: Collection[str]) -> list[str]:
    """Every op stands in the queue of those that write, save the `free` ones."""
    return [
        f"op {name}: writes and is not in the pool {pool}"
        for name, node in sorted(job.graph.node_dict.items())
        if name not in free and pool not in node.definition.pools
    ]


def assets_left_out_of(job: dg.JobDefinition, graph: AssetGraph) -> list[str]:
    """A job builds every asset of the project."""
    selected = job.asset_layer.executable_asset_keys
    return [
        f"job {job.name}: leaves out {asset.key.to_user_string()}"
        for asset in _own(graph)
        if asset.key not in selected
    ]
