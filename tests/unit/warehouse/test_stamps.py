"""Build stamps: what a fingerprint covers, and what a stamp in the warehouse survives."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import Settings, load_settings
from orchestration.warehouse.manifest import DbtManifest
from orchestration.warehouse.stamps import (
    Contents,
    ancestors,
    fingerprints,
    read_stamps,
    stamp_building,
    stamp_built,
)

LANDED, BOOKS = "source.p.shop.orders", "source.p.ledger.batches"
ADAPTER, STAGING, MART, OTHER = "model.p.src", "model.p.stg", "model.p.fct", "model.p.other"
LIST, DATE = "model.p.list", "model.p.date"
ALL = {ADAPTER, STAGING, MART, OTHER}


def node(code: str, parents: list[str], materialized: str = "table", **more: Any) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "raw_code": code,
        "config": {"materialized": materialized},
        "depends_on": {"nodes": parents, "macros": more.pop("macros", [])},
        "created_at": 1.0,
        **more,
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "dbt_project").mkdir()
    for name in ("dbt_project.yml", "profiles.yml"):
        (tmp_path / "dbt_project" / name).write_text("vars: {}\n")
    return load_settings(
        {"SHOPTHREAD_HOME": str(tmp_path / "var"), "SHOPTHREAD_PROJECT": str(tmp_path)}
    )


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "nodes": {
            ADAPTER: node("select 1", [LANDED], "view"),
            STAGING: node("select 2", [ADAPTER, BOOKS], macros=["macro.p.outer"]),
            MART: node("select 3", [STAGING]),
            OTHER: node("select 4", []),
        },
        "sources": {LANDED: {}, BOOKS: {}},
        "macros": {
            "macro.p.outer": {"macro_sql": "outer", "depends_on": {"macros": ["macro.p.inner"]}},
            "macro.p.inner": {"macro_sql": "inner", "depends_on": {"macros": []}},
            "macro.p.materialization_view_engine": {
                "macro_sql": "make",
                "depends_on": {"macros": ["macro.p.say", "macro.dbt.statement"]},
            },
            "macro.p.say": {"macro_sql": "say", "depends_on": {"macros": ["macro.dbt.statement"]}},
            "macro.dbt.statement": {"macro_sql": "graph.nodes", "depends_on": {"macros": []}},
        },
    }


CONTENTS = Contents({LANDED: "one", BOOKS: "one"})


def of(
    settings: Settings, content: Mapping[str, Any], contents: Contents | None = None
) -> Mapping[str, str]:
    return fingerprints(settings, DbtManifest(Path(), content), contents or CONTENTS).by_id


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda c: c["nodes"][MART].update(raw_code="select 5"), {MART}),
        (lambda c: c["nodes"][STAGING].update(description="another"), {STAGING, MART}),
        # A view is code and holds nothing: what reads it is built from other code as well.
        (lambda c: c["nodes"][ADAPTER].update(raw_code="select 5"), {ADAPTER, STAGING, MART}),
        (lambda c: c["macros"]["macro.p.inner"].update(macro_sql="else"), {STAGING, MART}),
        (lambda c: c["macros"]["macro.p.say"].update(macro_sql="else"), {ADAPTER, STAGING, MART}),
        (lambda c: c["macros"]["macro.dbt.statement"].update(macro_sql="else"), set()),
        (lambda c: c["nodes"][STAGING].update(created_at=2.0, root_path="/else"), set()),
        # dbt lists what a model reads in an order that changes from parse to parse.
        (lambda c: c["nodes"][STAGING]["depends_on"]["nodes"].reverse(), set()),
    ],
    ids=[
        *("its own code", "its description", "a view before it", "a macro of a macro"),
        *("a macro that makes views", "a macro of dbt behind it"),
        *("a parse", "another order"),
    ],
)
def test_a_fingerprint_follows_the_code_behind_a_model(
    settings: Settings,
    content: dict[str, Any],
    change: Callable[[dict[str, Any]], None],
    expected: set[str],
) -> None:
    before = of(settings, content)
    other = copy.deepcopy(content)
    change(other)
    assert moved(before, of(settings, other)) == expected


def test_a_fingerprint_follows_what_landed_through_views_and_leaves_the_views_alone(
    settings: Settings, content: dict[str, Any]
) -> None:
    before = of(settings, content)
    for contents in ({LANDED: "two", BOOKS: "one"}, {LANDED: "one", BOOKS: "two"}):
        assert moved(before, of(settings, content, Contents(contents))) == {STAGING, MART}


def test_a_model_that_takes_the_batches_of_some_entities_follows_no_other(
    settings: Settings, content: dict[str, Any]
) -> None:
    # As in the project: the list of batches is read through a view.
    nodes = content["nodes"]
    nodes[LIST] = node("select 6", [BOOKS], "view")
    nodes[STAGING]["depends_on"]["nodes"] = [ADAPTER, LIST]
    nodes[STAGING]["config"]["meta"] = {"accepted_batches_of": ["orders", "returns"]}
    nodes[OTHER]["depends_on"]["nodes"] = [LIST]

    def listed(books: str, **entities: str) -> Mapping[str, str]:
        contents = Contents({LANDED: "one", BOOKS: books}, {BOOKS: entities})
        return of(settings, content, contents)

    before = listed("one", orders="one", products="one")
    assert moved(before, listed("two", orders="one", products="two")) == {OTHER}
    assert moved(before, listed("two", orders="two", products="one")) == {STAGING, MART, OTHER}
    # What another model made of the list is not narrowed: it may follow every entity.
    nodes[DATE] = node("select 7", [LIST], "view")
    nodes[STAGING]["depends_on"]["nodes"].append(DATE)
    before = listed("one", orders="one", products="one")
    assert STAGING in moved(before, listed("two", orders="one", products="two"))
    # It may itself take what was accepted of every entity, and leave out what was refused.
    nodes[DATE]["config"]["meta"] = {"accepted_batches_of": ["*"]}
    before = listed("one", orders="one", products="one")
    assert STAGING in moved(before, listed("two", orders="one", products="two"))
    assert moved(before, listed("two", orders="one", products="one")) == {OTHER}
    # An entity that the list did not name before: its first batch.
    first = listed("two", orders="one", products="one", returns="one")
    assert moved(before, first) == {STAGING, MART, OTHER}


def test_what_holds_for_the_whole_project_moves_every_fingerprint(
    settings: Settings, content: dict[str, Any]
) -> None:
    before = of(settings, content)
    (settings.dbt_project_dir / "dbt_project.yml").write_text("vars: {sources: 1}\n")
    assert moved(before, of(settings, content)) == ALL


def test_a_model_that_reads_the_graph_follows_every_node(
    settings: Settings, content: dict[str, Any]
) -> None:
    content["nodes"][OTHER]["raw_code"] = "{{ graph.nodes }}"
    before = of(settings, content)
    content["nodes"][MART]["description"] = "another"
    assert moved(before, of(settings, content)) == {MART, OTHER}


def test_a_source_nobody_speaks_of_is_an_error(settings: Settings, content: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="batches"):
        of(settings, content, Contents({LANDED: "one"}))


def test_ancestors_leave_out_sources_and_what_is_asked(content: dict[str, Any]) -> None:
    manifest = DbtManifest(Path(), content)
    assert ancestors(manifest, [MART]) == {STAGING, ADAPTER}
    assert ancestors(manifest, [MART, STAGING]) == {ADAPTER}


def test_what_stands_is_what_was_stamped_built_with_its_own_fingerprint(
    settings: Settings, content: dict[str, Any]
) -> None:
    wanted = fingerprints(settings, DbtManifest(Path(), content), CONTENTS)
    assert wanted.unfit({}, [MART, STAGING]) == [MART, STAGING]
    stamp_built(settings, "first", {name: wanted.by_id[name] for name in (STAGING, MART)})
    assert wanted.unfit(read_stamps(settings), [MART, STAGING]) == []
    stamp_building(settings, "second", [MART])
    stamps = read_stamps(settings)
    assert wanted.unfit(stamps, [MART, STAGING]) == [MART]
    assert (stamps[MART].is_building, stamps[MART].run_id) == (True, "second")
    assert stamps[STAGING].run_id == "first"
    other = replace(wanted, by_id={**wanted.by_id, STAGING: "another"})
    assert other.unfit(stamps, [STAGING]) == [STAGING]


def test_stamps_live_in_the_file_they_speak_of_and_in_no_log(settings: Settings) -> None:
    assert read_stamps(settings) == {}
    stamp_built(settings, "first", {MART: "f"})
    assert not Path(f"{settings.warehouse_path}.wal").exists()
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        assert connection.execute("select count(*) from build_stamps.stamps").fetchone() == (1,)
    settings.warehouse_path.unlink()
    assert read_stamps(settings) == {}
