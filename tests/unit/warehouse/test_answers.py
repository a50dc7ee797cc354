"""Answers that stand: what they rest on, what is kept of them, and what ends them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import Settings, load_settings
from orchestration.warehouse.answers import (
    Answer,
    Bases,
    keep_answers,
    read_kept,
)
from orchestration.warehouse.manifest import DbtManifest
from orchestration.warehouse.stamps import CodeDigests, Contents, Stamp, stamp_built

LANDED = "source.p.shop.orders"
VIEW, ORDERS, LINES = "model.p.src", "model.p.orders", "model.p.lines"
TEST, TEST_OF_VIEW = "test.p.refers", "test.p.view"
CONTENTS = Contents({LANDED: "one"})
SUITE = '{"measure": "select 1 from {table} except select 2 from sales.lines"}'


def node(kind: str, name: str, parents: list[str], materialized: str = "table") -> dict[str, Any]:
    return {
        "resource_type": kind,
        "schema": "sales",
        "alias": name,
        "raw_code": f"select {name}",
        "config": {"materialized": materialized},
        "depends_on": {"nodes": parents, "macros": []},
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "dbt_project").mkdir()
    for name in ("dbt_project.yml", "profiles.yml"):
        (tmp_path / "dbt_project" / name).write_text("vars: {}\n")
    found = load_settings(
        {"SHOPTHREAD_HOME": str(tmp_path / "var"), "SHOPTHREAD_PROJECT": str(tmp_path)}
    )
    found.warehouse_path.parent.mkdir(parents=True)
    with duckdb.connect(str(found.warehouse_path)) as warehouse:
        warehouse.execute("create schema sales")
        warehouse.execute("create table sales.orders as select range as id from range(3)")
        warehouse.execute("create view sales.src as select 1 as id")
        warehouse.execute("create table sales.lines as select range as id from range(5)")
    stamp_built(found, "first", {ORDERS: "o", LINES: "l"})
    return found


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "nodes": {
            VIEW: node("model", "src", [LANDED], "view"),
            ORDERS: node("model", "orders", [VIEW]),
            LINES: node("model", "lines", [VIEW]),
            TEST: node("test", "refers", [LINES, ORDERS]),
            TEST_OF_VIEW: node("test", "view", [VIEW]),
        },
        "sources": {LANDED: {}},
        "macros": {},
    }


class Told:
    """Everything that an answer may rest on, to be changed by a test."""

    def __init__(self, settings: Settings, content: dict[str, Any]) -> None:
        self.settings = settings
        self.content = content
        found = read_kept(settings, DbtManifest(Path(), content), CONTENTS).bases
        self.stamps = dict(found.stamps)
        self.rows = dict(found.rows)
        self.contents = CONTENTS
        self.suite = SUITE

    def bases(self) -> Bases:
        manifest = DbtManifest(Path(), self.content)
        code = CodeDigests(self.settings, manifest)
        return Bases(manifest, code, self.contents, self.stamps, self.rows)

    def of_test(self, test: str = TEST) -> str | None:
        return self.bases().of_test(test)

    def of_suite(self, asset: str = "sales/orders") -> str | None:
        return self.bases().of_suite(asset, self.suite)


@pytest.fixture
def told(settings: Settings, content: dict[str, Any]) -> Told:
    return Told(settings, content)


def built_by(run: str, fingerprint: str | None = "l") -> Callable[[Told], None]:
    return lambda told: told.stamps.update({LINES: Stamp(LINES, fingerprint, run)})


@pytest.mark.parametrize(
    "change, ends",
    [
        (built_by("second"), {"test", "suite"}),
        (built_by("first", "another"), {"test", "suite"}),
        (lambda told: told.rows.update({("sales", "lines"): 4}), {"test", "suite"}),
        (lambda told: told.content["nodes"][TEST].update(raw_code="select more"), {"test"}),
        (lambda told: setattr(told, "suite", SUITE.replace("except", "union")), {"suite"}),
        (lambda told: setattr(told, "contents", Contents({LANDED: "two"})), set()),
    ],
    ids=[
        *("built again", "built from something else", "a row taken out by hand"),
        *("other words of the test", "other words of the suite", "another batch"),
    ],
)
def test_an_answer_ends_with_what_it_rests_on(
    told: Told, change: Callable[[Told], None], ends: set[str]
) -> None:
    before = {"test": told.of_test(), "suite": told.of_suite()}
    change(told)
    after = {"test": told.of_test(), "suite": told.of_suite()}
    assert None not in {*before.values(), *after.values()}
    assert {name for name in before if before[name] != after[name]} == ends


@pytest.mark.parametrize(
    "change",
    [
        built_by("second", None),
        lambda told: told.stamps.pop(LINES),
        lambda told: told.rows.pop(("sales", "lines")),
    ],
    ids=["unfinished", "never built", "dropped by hand"],
)
def test_nothing_stands_on_a_table_that_does_not(
    told: Told, change: Callable[[Told], object]
) -> None:
    change(told)
    assert told.of_test() is None
    assert told.of_suite() is None


@pytest.mark.parametrize(
    "change",
    [
        lambda told: setattr(told, "contents", Contents({LANDED: "two"})),
        lambda told: told.content["nodes"][VIEW].update(raw_code="select more"),
    ],
    ids=["another batch", "other words of the view"],
)
def test_what_reads_a_view_rests_on_its_words_and_on_what_it_reads(
    told: Told, change: Callable[[Told], None]
) -> None:
    before = told.of_test(TEST_OF_VIEW), told.of_suite("sales/src")
    change(told)
    after = told.of_test(TEST_OF_VIEW), told.of_suite("sales/src")
    assert None not in {*before, *after}
    assert not set(before) & set(after)


def test_nothing_stands_on_a_view_that_was_dropped_by_hand(told: Told) -> None:
    told.rows.pop(("sales", "src"))
    assert told.of_test(TEST_OF_VIEW) is None
    assert told.of_suite("sales/src") is None


def test_nothing_stands_of_a_table_that_nobody_knows(told: Told) -> None:
    told.suite = "{}"
    assert told.of_suite("sales/nobody_knows") is None


def read_answers(settings: Settings) -> Mapping[str, Answer]:
    manifest = DbtManifest(Path(), {"nodes": {}, "sources": {}, "macros": {}})
    return read_kept(settings, manifest, CONTENTS).answers


def test_answers_lie_in_the_file_they_speak_of_until_they_are_forgotten(
    settings: Settings,
) -> None:
    assert read_answers(settings) == {}
    first = {"a": Answer("x", "first", {"expectations": 3}), "b": Answer("y", "first")}
    keep_answers(settings, first)
    assert read_answers(settings) == first
    keep_answers(settings, {"a": Answer("z", "second")}, forget=["a", "b", "c"])
    assert read_answers(settings) == {"a": Answer("z", "second")}
    assert not Path(f"{settings.warehouse_path}.wal").exists()
    settings.warehouse_path.unlink()
    assert read_answers(settings) == {}
    keep_answers(settings, first)
    assert not settings.warehouse_path.exists()
