"""The asset graph as Dagster loads it: nothing unchecked, nothing nameless, no cut op.

Each rule is asked twice: of the project, and of a small graph that breaks it.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from orchestration.components.dbt_layer import FlowTranslator
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.definitions import build_defs
from orchestration.warehouse.manifest import Layer, layer_of
from tools import house_graph

GROUPS = (
    *("landing", "staging", "int_identity", "int_journey", "customer", "commerce"),
    *("journey", "kpi", "quality", "publish"),
)
LAYERS = [layer.value for layer in Layer]
VERSION = dg.AssetKey(["publish", "published_version"])
REPORT = dg.AssetKey(["publish", "report"])
ORDERS = dg.AssetKey(["commerce", "fct_orders"])
SALES = dg.AssetKey(["kpi", "kpi_sales"])


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs()


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> AssetGraph:
    return defs.resolve_asset_graph()


def spec(key: dg.AssetKey, *deps: dg.AssetKey, group: str = "commerce") -> dg.AssetSpec:
    """An asset that says everything it must."""
    return dg.AssetSpec(
        key,
        deps=deps,
        description="One row per thing.",
        owners=["team:commerce"],
        kinds={"duckdb"},
        group_name=group,
    )


def op(
    name: str,
    *specs: dg.AssetSpec,
    checks: tuple[dg.AssetCheckSpec, ...] = (),
    pool: str | None = WAREHOUSE_POOL,
) -> dg.AssetsDefinition:
    """An op of a small project; nobody runs it."""

    @dg.multi_asset(name=name, specs=specs, check_specs=checks, pool=pool)
    def nothing() -> Iterator[dg.MaterializeResult]:
        yield from ()

    return nothing


def project(*ops: dg.AssetsDefinition, selection: Any = "*") -> dg.Definitions:
    """A small project with a job `full`."""
    return dg.Definitions(assets=ops, jobs=[dg.define_asset_job("full", selection)])


def small_graph(*ops: dg.AssetsDefinition) -> AssetGraph:
    return project(*ops).resolve_asset_graph()


# -- an asset says what it is -------------------------------------------------------------


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_stands(graph: AssetGraph) -> None:
    found = house_graph.undeclared_assets(graph, GROUPS)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"description": ""}, ["commerce/fct_orders: has no description"]),
        ({"owners": []}, ["commerce/fct_orders: has no owner"]),
        ({"kinds": set()}, ["commerce/fct_orders: has no kind"]),
        (
            {"group_name": "sales"},
            [
                "commerce/fct_orders: its group sales is no word of the flow",
                "group commerce: has no asset",
            ],
        ),
    ],
)
def test_an_asset_that_does_not_say_what_it_is_is_found(change: Any, said: list[str]) -> None:
    good = spec(ORDERS)
    assert house_graph.undeclared_assets(small_graph(op("a", good)), ["commerce"]) == []
    broken = small_graph(op("a", good.replace_attributes(**change)))
    assert house_graph.undeclared_assets(broken, ["commerce"]) == said


# -- checks -------------------------------------------------------------------------------


def test_every_dbt_test_is_an_asset_check(graph: AssetGraph, manifest: Mapping[str, Any]) -> None:
    found = house_graph.tests_that_never_run(graph, manifest, FlowTranslator())
    assert not found, "\n".join(found)


def test_a_dbt_test_that_is_no_check_is_found(
    graph: AssetGraph, manifest: Mapping[str, Any]
) -> None:
    unique_id, test = next(
        (unique_id, node)
        for unique_id, node in manifest["nodes"].items()
        if node["name"] == "names_its_rows_fct_orders_order_key"
    )
    added = copy.deepcopy(dict(test)) | {"name": "nobody_asks_this", "alias": "nobody_asks_this"}
    broken = {**manifest, "nodes": {**manifest["nodes"], f"{unique_id}.added": added}}
    found = house_graph.tests_that_never_run(graph, broken, FlowTranslator())
    assert found == ["nobody_asks_this: is no asset check, so it never runs"]


def test_no_check_asks_a_later_layer(graph: AssetGraph, manifest: Mapping[str, Any]) -> None:
    translator = FlowTranslator()
    order = list(Layer)
    layers = {
        translator.get_asset_key(node): order.index(layer_of(node))
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
    }
    found = house_graph.checks_that_ask_a_later_layer(graph, layers)
    assert not found, "\n".join(found)


def test_a_check_that_asks_a_later_layer_is_found() -> None:
    def found(asset: dg.AssetKey, asked: dg.AssetKey) -> list[str]:
        check = dg.AssetCheckSpec("sums_agree", asset=asset, additional_deps=[asked])
        small = small_graph(
            op("build_marts", spec(ORDERS), checks=(check,) if asset == ORDERS else ()),
            op("build_kpi", spec(SALES, ORDERS), checks=(check,) if asset == SALES else ()),
        )
        return house_graph.checks_that_ask_a_later_layer(small, {ORDERS: 0, SALES: 1})

    assert found(SALES, ORDERS) == []
    assert found(ORDERS, SALES) == [
        "commerce/fct_orders:sums_agree: asks kpi/kpi_sales, a later layer"
    ]


# -- ops ----------------------------------------------------------------------------------


def layered(*more: dg.AssetsDefinition) -> dg.JobDefinition:
    """The job of a project with one layer, its gate, the publish and the report."""
    gate = dg.AssetCheckSpec("expectations", asset=ORDERS)

    @dg.multi_asset_check(name="judge_marts", specs=[gate], pool=WAREHOUSE_POOL)
    def judge() -> None: ...

    small = dg.Definitions(
        assets=[
            op("land_shop__orders", spec(dg.AssetKey("landed"))),
            op("build_marts", spec(ORDERS, dg.AssetKey("landed"))),
            op("publish_version", spec(VERSION, ORDERS)),
            op("write_report", spec(REPORT, VERSION), pool=None),
            *more,
        ],
        asset_checks=[judge],
        jobs=[dg.define_asset_job("full", "*")],
    )
    return small.resolve_job_def("full")


def test_every_layer_is_one_op_and_one_gate(defs: dg.Definitions) -> None:
    found = house_graph.ops_that_are_no_layer(defs.resolve_job_def("full"), LAYERS)
    assert not found, "\n".join(found)


def test_an_op_beside_the_layers_and_a_layer_without_op_are_found() -> None:
    assert house_graph.ops_that_are_no_layer(layered(), ["marts"]) == []
    second = op("build_marts_2", spec(SALES, ORDERS))
    assert house_graph.ops_that_are_no_layer(layered(second), ["marts"]) == [
        "job full: op build_marts_2 is no layer"
    ]
    assert house_graph.ops_that_are_no_layer(layered(), ["marts", "kpi"]) == [
        "job full: op build_kpi is missing",
        "job full: op judge_kpi is missing",
    ]


def test_everything_that_opens_the_warehouse_stands_in_its_queue(defs: dg.Definitions) -> None:
    job = defs.resolve_job_def("full")
    found = house_graph.ops_outside_the_queue(job, WAREHOUSE_POOL, ["write_report"])
    assert not found, "\n".join(found)


@pytest.mark.parametrize("pool", [None, "another"])
def test_an_op_outside_the_queue_of_the_warehouse_is_found(pool: str | None) -> None:
    free = ["write_report"]
    assert house_graph.ops_outside_the_queue(layered(), WAREHOUSE_POOL, free) == []
    broken = layered(op("build_kpi", spec(SALES, ORDERS), pool=pool))
    assert house_graph.ops_outside_the_queue(broken, WAREHOUSE_POOL, free) == [
        "op build_kpi: writes and is not in the pool warehouse"
    ]


# -- what lies before what ----------------------------------------------------------------


def test_publish_stands_behind_every_gate(graph: AssetGraph) -> None:
    found = house_graph.assets_that_publish_does_not_wait_for(graph, VERSION, REPORT)
    assert not found, "\n".join(found)


def test_an_asset_that_publish_does_not_wait_for_is_found() -> None:
    def found(*ops: dg.AssetsDefinition) -> list[str]:
        return house_graph.assets_that_publish_does_not_wait_for(small_graph(*ops), VERSION, REPORT)

    orders, sales = op("a", spec(ORDERS)), op("b", spec(SALES, ORDERS))
    report = op("d", spec(REPORT, VERSION))
    assert found(orders, sales, op("c", spec(VERSION, SALES)), report) == []
    assert found(orders, sales, op("c", spec(VERSION, ORDERS)), report) == [
        "kpi/kpi_sales: publish/published_version does not wait for it"
    ]
    early = op("d", spec(REPORT, ORDERS))
    assert found(orders, op("c", spec(VERSION, ORDERS)), early) == [
        "publish/report: does not wait for publish/published_version"
    ]


def test_both_jobs_build_everything(defs: dg.Definitions, graph: AssetGraph) -> None:
    found = [
        fault
        for name in ("full", "daily")
        for fault in house_graph.assets_left_out_of(defs.resolve_job_def(name), graph)
    ]
    assert not found, "\n".join(found)


def test_an_asset_that_a_job_leaves_out_is_found() -> None:
    ops = (op("a", spec(ORDERS)), op("b", spec(SALES, ORDERS)))
    whole, part = project(*ops), project(*ops, selection=dg.AssetSelection.assets(ORDERS))
    graph = whole.resolve_asset_graph()
    assert house_graph.assets_left_out_of(whole.resolve_job_def("full"), graph) == []
    assert house_graph.assets_left_out_of(part.resolve_job_def("full"), graph) == [
        "job full: leaves out kpi/kpi_sales"
    ]
