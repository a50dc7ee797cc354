"""Rules about models, suites and gates, computed from the parsed dbt project."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.warehouse.manifest import Layer, layer_of
from tools import house

SUITE = """\
mart: {name}
owner: commerce
tables:
  {name}:
    asset: {schema}/{name}
    grain: one row per thing
    key: [thing_key]
    expectations:
      - type: expect_table_row_count_to_be_between
        kwargs: {{min_value: 1}}
        severity: critical
        meta: {{because: "there is always one thing (2026-11)"}}
"""


def write_suite(root: Path, schema: str, name: str) -> None:
    folder = root / "expectations/marts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(SUITE.format(schema=schema, name=name))


def model(name: str, path: str, schema: str, *parents: str, view: bool = False) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "path": path,
        "schema": schema,
        "description": "One row per thing.",
        "columns": {"thing_key": {"name": "thing_key", "description": "Key of the thing."}},
        "config": {
            "materialized": "view" if view else "table",
            "contract": {"enforced": True},
            "meta": {"grain": ["thing_key"], "owner": "commerce", "personal_data": "none"},
        },
        "depends_on": {"nodes": [f"model.shopthread.{parent}" for parent in parents]},
    }


def manifest_of(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": {f"model.shopthread.{node['name']}": node for node in nodes}}


FACT = model("fct_things", "marts/commerce/fct_things.sql", "commerce")
OTHER_FACT = model("fct_sums", "marts/commerce/fct_sums.sql", "commerce", "fct_things")
VIEW = model("fct_seen", "marts/commerce/fct_seen.sql", "commerce", "fct_things", view=True)
BEHIND_VIEW = model("fct_far", "marts/commerce/fct_far.sql", "commerce", "fct_seen")
KPI = model("kpi_things", "marts/kpi/kpi_things.sql", "kpi", "fct_things")


def test_every_gate_border_is_an_op_border(root: Path, manifest: Mapping[str, Any]) -> None:
    found = house.gates_that_do_not_hold(root, manifest)
    assert not found, "\n".join(found)


def test_every_suite_names_a_model(root: Path, manifest: Mapping[str, Any]) -> None:
    found = house.suites_of_nothing(root, manifest)
    assert not found, "\n".join(found)


def test_every_mart_and_every_layer_has_a_suite(root: Path, manifest: Mapping[str, Any]) -> None:
    found = house.layers_and_marts_without_suite(root, manifest)
    assert not found, "\n".join(found)


def test_every_model_says_what_it_is_whose_it_is_and_at_which_grain(
    manifest: Mapping[str, Any],
) -> None:
    found = house.undeclared_models(manifest)
    assert not found, "\n".join(found)


def test_the_grain_of_every_table_is_tested(manifest: Mapping[str, Any]) -> None:
    found = house.keys_without_a_test(manifest)
    assert not found, "\n".join(found)


def test_every_model_names_the_batches_it_takes(manifest: Mapping[str, Any]) -> None:
    found = house.models_that_misname_their_batches(manifest)
    assert not found, "\n".join(found)


def test_every_macro_has_its_file_its_words_and_a_reader(manifest: Mapping[str, Any]) -> None:
    found = house.macros_out_of_place(manifest)
    assert not found, "\n".join(found)


def test_a_table_behind_a_gate_in_its_op_is_found(small: Path) -> None:
    write_suite(small, "commerce", "fct_things")
    (found,) = house.gates_that_do_not_hold(small, manifest_of(FACT, OTHER_FACT))
    assert "fct_sums is built behind it by the same op (marts)" in found


def test_a_table_behind_a_view_behind_a_gate_is_found(small: Path) -> None:
    write_suite(small, "commerce", "fct_things")
    (found,) = house.gates_that_do_not_hold(small, manifest_of(FACT, VIEW, BEHIND_VIEW))
    assert "fct_far" in found


def test_a_view_or_another_op_behind_a_gate_is_no_breach(small: Path) -> None:
    write_suite(small, "commerce", "fct_things")
    assert house.gates_that_do_not_hold(small, manifest_of(FACT, VIEW, KPI)) == []


def test_the_quality_layer_may_chain_for_only_the_publish_lies_behind_it(small: Path) -> None:
    write_suite(small, "quality", "dq_results")
    gate = model("dq_results", "marts/quality/dq_results.sql", "quality")
    catalog = model("catalog", "marts/quality/catalog.sql", "quality", "dq_results")
    assert house.gates_that_do_not_hold(small, manifest_of(gate, catalog)) == []


def test_a_suite_of_nothing_is_found(small: Path) -> None:
    write_suite(small, "commerce", "fct_things")
    assert house.suites_of_nothing(small, manifest_of(FACT)) == []
    assert len(house.suites_of_nothing(small, manifest_of(KPI))) == 1


def test_a_suite_that_names_the_wrong_schema_is_found(small: Path) -> None:
    write_suite(small, "kpi", "fct_things")
    assert len(house.suites_of_nothing(small, manifest_of(FACT))) == 1


def test_a_mart_without_suite_is_found(small: Path) -> None:
    write_suite(small, "commerce", "fct_things")
    found = house.layers_and_marts_without_suite(small, manifest_of(FACT, KPI))
    assert "mart kpi.kpi_things has no suite in expectations/marts" in found
    assert not any("fct_things" in line for line in found)
    assert sum(line.startswith("layer ") for line in found) == 3


@pytest.mark.parametrize(
    "break_it, said",
    [
        (lambda node: node.update(description=""), "has no description"),
        (lambda node: node["columns"]["thing_key"].update(description=""), "thing_key: has no"),
        (lambda node: node["config"]["contract"].update(enforced=False), "is not enforced"),
        (lambda node: node["config"]["meta"].pop("owner"), "meta lacks owner"),
        (lambda node: node["config"]["meta"].update(grain=["gone_key"]), "names no column"),
    ],
)
def test_a_model_that_does_not_declare_itself_is_found(break_it: Any, said: str) -> None:
    assert house.undeclared_models(manifest_of(FACT)) == []
    node = copy.deepcopy(FACT)
    break_it(node)
    (found,) = house.undeclared_models(manifest_of(node))
    assert said in found


def grain_test(name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": "of_things",
        "attached_node": "model.shopthread.fct_things",
        "test_metadata": {"name": name, "kwargs": arguments},
    }


@pytest.mark.parametrize(
    "grain, tested, breaches",
    [
        (["thing_key"], grain_test("names_its_rows", column_name="thing_key"), 0),
        (["thing_key"], grain_test("names_its_rows", column_name="other_key"), 1),
        (["thing_key"], grain_test("not_null", column_name="thing_key"), 1),
        (["a", "b"], grain_test("unique_combination", columns=["b", "a"]), 0),
        (["a", "b"], grain_test("unique_combination", arguments={"columns": ["a", "b"]}), 0),
        (["a", "b"], grain_test("unique_combination", columns=["a"]), 1),
        (["a", "b"], grain_test("names_its_rows", column_name="a"), 1),
    ],
)
def test_a_grain_that_nothing_tests_is_found(
    grain: list[str], tested: dict[str, Any], breaches: int
) -> None:
    node = copy.deepcopy(FACT)
    node["config"]["meta"]["grain"] = grain
    assert len(house.keys_without_a_test(manifest_of(node, tested))) == breaches
    assert house.keys_without_a_test(manifest_of(VIEW)) == []


BATCHES = """batches as (select batch_id
from {{{{ ref("src_shopthread__batches") }}}}
where {condition})"""


@pytest.mark.parametrize(
    "breaches, condition, said",
    [
        (0, "entity = 'orders' and is_current", ["orders"]),
        (0, "entity in ('orders', 'returns') and is_current", ["returns", "orders"]),
        (0, "verdict = 'accepted' and is_required", ["*"]),
        (1, "entity = 'orders' and is_current", ["returns"]),
        (1, "entity in ('orders', 'returns') and is_current", ["orders"]),
        (1, "entity = 'orders' and is_current", None),
        (1, "entity <> 'orders' and is_current", ["orders"]),
        (1, "entity = 'orders' and is_current or entity = 'returns'", ["orders"]),
        (1, "is_required", ["*"]),
    ],
)
def test_a_model_that_misnames_the_batches_it_takes_is_found(
    breaches: int, condition: str, said: list[str] | None
) -> None:
    node = copy.deepcopy(FACT)
    node["raw_code"] = BATCHES.format(condition=condition)
    if said is not None:
        node["config"]["meta"]["accepted_batches_of"] = said
    assert len(house.models_that_misname_their_batches(manifest_of(node))) == breaches


def test_the_batches_of_a_contract_are_those_that_its_adapter_reads() -> None:
    adapter = copy.deepcopy(FACT) | {
        "name": "src_post__letters",
        "raw_code": """select batch_id from {{ landed("post", "events") }}""",
    }
    contract = copy.deepcopy(FACT)
    contract["raw_code"] = """select * from {{ newest_records("src_post__letters") }}"""
    for said, breaches in ((["events"], 0), (["letters"], 1)):
        contract["config"]["meta"]["accepted_batches_of"] = said
        found = house.models_that_misname_their_batches(manifest_of(adapter, contract))
        assert len(found) == breaches


def macro(name: str, file: str, *, description: str = "Adds things.") -> dict[str, Any]:
    return {
        "name": name,
        "package_name": "shopthread",
        "path": f"macros/{file}.sql",
        "original_file_path": f"macros/{file}.sql",
        "description": description,
        "arguments": [{"name": "things", "description": "What to add."}],
        "depends_on": {"macros": []},
    }


@pytest.mark.parametrize(
    "found, of",
    [
        (0, macro("add_things", "add_things")),
        (0, macro("spark__add_things", "add_things", description="")),
        (0, macro("materialization_heap_engine", "materialization_heap_engine")),
        (1, macro("add_things", "things")),
        (1, macro("add_things", "add_things", description="")),
        (1, macro("add_others", "add_others")),
    ],
)
def test_a_macro_out_of_place_is_found(found: int, of: dict[str, Any]) -> None:
    reader = {**FACT, "depends_on": {"nodes": [], "macros": ["macro.shopthread.add_things"]}}
    manifest = {
        "metadata": {"project_name": "shopthread"},
        "nodes": {"model.shopthread.fct_things": {**reader}},
        "macros": {f"macro.shopthread.{of['name']}": of},
    }
    assert len(house.macros_out_of_place(manifest)) == found


def test_every_model_belongs_to_a_layer(manifest: Mapping[str, Any]) -> None:
    layers = {layer_of(node) for node in house.models(manifest).values()}
    assert layers == set(Layer)


def test_no_model_reads_from_a_later_layer(manifest: Mapping[str, Any]) -> None:
    order = list(Layer)
    nodes = house.models(manifest)
    back = [
        f"{node['name']} ({layer_of(node)}) reads {nodes[parent]['name']} ({layer_of(nodes[parent])})"
        for node in nodes.values()
        for parent in node["depends_on"]["nodes"]
        if parent in nodes and order.index(layer_of(nodes[parent])) > order.index(layer_of(node))
    ]
    assert back == []
