"""The asset graph as Dagster loads it: nothing unchecked, nothing nameless, no cut op."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from orchestration.components.dbt_layer import FlowTranslator
from orchestration.definitions import build_defs
from orchestration.settings import load_settings
from orchestration.warehouse.manifest import Layer, layer_of, load_manifest

GROUPS = (
    *("landing", "staging", "int_identity", "int_journey", "customer", "commerce"),
    *("journey", "kpi", "quality", "publish"),
)


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs()


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> AssetGraph:
    return defs.resolve_asset_graph()


@pytest.fixture(scope="module")
def nodes() -> Mapping[str, Any]:
    content = load_manifest(load_settings()).content
    found = content["nodes"]
    assert isinstance(found, dict)
    return found


def every(graph: AssetGraph) -> Iterator[Any]:
    """Also what nothing materialises: the UI shows it among the rest."""
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.to_user_string()):
        yield graph.get(key)


def own(graph: AssetGraph) -> Iterator[Any]:
    for key in sorted(graph.materializable_asset_keys, key=lambda key: key.to_user_string()):
        yield graph.get(key)


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_stands(graph: AssetGraph) -> None:
    faults = [
        asset.key.to_user_string()
        for asset in every(graph)
        if not (asset.description and asset.owners and asset.kinds and asset.group_name in GROUPS)
    ]
    assert faults == []
    assert {asset.group_name for asset in own(graph)} == set(GROUPS)


def test_every_dbt_test_is_an_asset_check(graph: AssetGraph, nodes: Mapping[str, Any]) -> None:
    content = load_manifest(load_settings()).content
    translator = FlowTranslator()
    unchecked = [
        node["name"]
        for unique_id, node in nodes.items()
        if node["resource_type"] == "test"
        and get_asset_check_key_for_test(content, translator, unique_id, project=None)
        not in graph.asset_check_keys
    ]
    assert unchecked == [], "a test that is no check never runs"


def test_no_check_asks_a_later_layer(graph: AssetGraph, nodes: Mapping[str, Any]) -> None:
    translator = FlowTranslator()
    order = list(Layer)
    layers = {
        translator.get_asset_key(node): order.index(layer_of(node))
        for node in nodes.values()
        if node["resource_type"] in {"model", "seed"}
    }
    early = [
        (check.to_user_string(), asked.asset_key.to_user_string())
        for check in graph.asset_check_keys
        for asked in graph.get_check_spec(check).additional_deps
        if check.asset_key in layers and layers.get(asked.asset_key, -1) > layers[check.asset_key]
    ]
    assert early == [], "such a check would cut its op in two"


def test_every_layer_is_one_op_and_one_gate(defs: dg.Definitions) -> None:
    names = {
        name
        for name in defs.resolve_job_def("full").graph.node_dict
        if not name.startswith("land_")
    }
    layers = {layer.value for layer in Layer}
    assert names == {
        *(f"build_{layer}" for layer in layers),
        *(f"judge_{layer}" for layer in layers),
        "publish_version",
        "write_report",
    }


def test_publish_stands_behind_every_gate(graph: AssetGraph) -> None:
    version = dg.AssetKey(["publish", "published_version"])
    before = graph.get_ancestor_asset_keys(version)
    report = dg.AssetKey(["publish", "report"])
    left_out = {asset.key for asset in own(graph)} - before - {version, report}
    assert left_out == set()
    assert version in graph.get_ancestor_asset_keys(report)


def test_everything_that_opens_the_warehouse_stands_in_its_queue(defs: dg.Definitions) -> None:
    job = defs.resolve_job_def("full")
    without_pool = {
        name
        for name, node in job.graph.node_dict.items()
        if not name.startswith("land_") and name != "write_report" and not node.definition.pools
    }
    assert without_pool == set()


def test_both_jobs_build_everything(defs: dg.Definitions, graph: AssetGraph) -> None:
    for name in ("full", "daily"):
        selected = defs.resolve_job_def(name).asset_layer.executable_asset_keys
        assert set(selected) == {asset.key for asset in own(graph)}
