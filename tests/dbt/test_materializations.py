"""What our own materialisations leave in a DuckDB file, also when a model fails in them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from orchestration.settings import PROJECT_DIR
from orchestration.warehouse.dbt_process import release_warehouse

OURS = (
    *("materialization_table_duckdb.sql", "materialization_view_duckdb.sql"),
    *("replace_relation.sql", "comments_on.sql", "persist_docs.sql"),
)

Build = Callable[[str], Mapping[str, str]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds model `things`, whose text is given, and answers with the status of each node."""
    (tmp_path / "models").mkdir()
    (tmp_path / "macros").mkdir()
    for name in OURS:
        text = (PROJECT_DIR / "dbt_project" / "macros" / name).read_text("utf-8")
        (tmp_path / "macros" / name).write_text(text, "utf-8")
    _write(
        tmp_path / "dbt_project.yml",
        """
        name: small
        version: "1.0"
        config-version: 2
        profile: small
        models:
          small:
            +persist_docs: {relation: true, columns: true}
        """,
    )
    _write(
        tmp_path / "profiles.yml",
        """
        small:
          target: duckdb
          outputs:
            duckdb:
              type: duckdb
              path: small.duckdb
              schema: main
              threads: 1
              config_options: {async_threads: 0}
        """.replace("small.duckdb", str(tmp_path / "small.duckdb")),
    )
    _write(
        tmp_path / "models" / "things.yml",
        """
        models:
          - name: things
            description: One row per "thing", it's said.
            config:
              contract: {enforced: true}
            columns:
              - name: thing_id
                data_type: bigint
                description: Its number.
                constraints: [{type: not_null}, {type: primary_key}]
              - name: word
                data_type: varchar
                description: Its word; $1 asks for nothing.
        """,
    )

    def run(model: str) -> Mapping[str, str]:
        _write(tmp_path / "models" / "things.sql", model)
        place = str(tmp_path)
        try:
            outcome = dbtRunner().invoke(
                [
                    *("--quiet", "--log-level", "none", "--log-level-file", "none", "build"),
                    *("--project-dir", place, "--profiles-dir", place),
                    *("--target-path", f"{place}/target", "--log-path", f"{place}/logs"),
                ]
            )
        finally:
            release_warehouse()
        results = getattr(outcome.result, "results", [])
        return {result.node.name: str(result.status) for result in results}

    return run


def _write(path: Path, text: str) -> None:
    path.write_text(dedent(text), "utf-8")


def asked(tmp_path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(tmp_path / "small.duckdb", read_only=True) as connection:
        return connection.execute(query).fetchall()


TWO_THINGS = "select 'a' as word, 1::bigint as thing_id union all select 'b', 2"
KINDS = """
    select 'table', comment from duckdb_tables() where table_name = 'things'
    union all
    select 'view', comment from duckdb_views() where view_name = 'things'
"""
COMMENTS = (
    "select column_name, comment from duckdb_columns() where table_name = 'things' order by all"
)


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_relation_has_its_contract_and_its_words(build: Build, tmp_path: Path, kind: str) -> None:
    settings = f"{{{{ config(materialized='{kind}') }}}}"
    for _ in range(2):
        assert build(f"{settings} {TWO_THINGS}") == {"things": "success"}
        assert asked(tmp_path, "select thing_id, word from things order by all") == [
            (1, "a"),
            (2, "b"),
        ]
        assert asked(tmp_path, KINDS) == [(kind, 'One row per "thing", it\'s said.')]
        assert asked(tmp_path, COMMENTS) == [
            ("thing_id", "Its number."),
            ("word", "Its word; $1 asks for nothing."),
        ]
    names = asked(tmp_path, "select table_name from information_schema.tables")
    assert names == [("things",)], "nothing lies beside it"


BROKEN = {
    "a key twice": "select 1::bigint as thing_id, 'x' as word from range(2)",
    "a query that fails": "select error('no')::bigint as thing_id, 'x' as word",
    "another type": "select 1::integer as thing_id, 'x' as word",
    "a column too few": "select 1::bigint as thing_id",
}


def test_a_table_that_fails_leaves_the_one_that_stands(build: Build, tmp_path: Path) -> None:
    settings = "{{ config(materialized='table') }}"
    build(f"{settings} {TWO_THINGS}")
    for what, broken in BROKEN.items():
        assert build(f"{settings} {broken}") == {"things": "error"}, what
        found = asked(tmp_path, "select thing_id, word from things order by all")
        assert found == [(1, "a"), (2, "b")], what
        assert asked(tmp_path, COMMENTS)[0] == ("thing_id", "Its number."), what


FAILS_AS_A_TABLE = (
    "{{ config(materialized='table') }} select error('no')::bigint as thing_id, 'x' as word"
)
FAILS_AS_A_VIEW = (
    "{{ config(materialized='view', contract={'enforced': false}) }} select 1::bigint as thing_id"
)


@pytest.mark.slow
def test_a_view_becomes_a_table_and_a_table_a_view(build: Build, tmp_path: Path) -> None:
    for kind in ("view", "table", "view"):
        settings = f"{{{{ config(materialized='{kind}') }}}}"
        assert build(f"{settings} {TWO_THINGS}") == {"things": "success"}
        assert [found for found, _ in asked(tmp_path, KINDS)] == [kind]
        broken = FAILS_AS_A_TABLE if kind == "view" else FAILS_AS_A_VIEW
        assert build(broken) == {"things": "error"}
        assert [found for found, _ in asked(tmp_path, KINDS)] == [kind], "what stood stands"


@pytest.mark.slow
def test_a_view_that_documents_a_column_it_has_not_is_an_error(
    build: Build, tmp_path: Path
) -> None:
    assert build(FAILS_AS_A_VIEW) == {"things": "error"}
    assert asked(tmp_path, KINDS) == []


@pytest.mark.slow
def test_a_hook_runs_inside_the_transaction(build: Build, tmp_path: Path) -> None:
    settings = (
        "{{ config(materialized='table', pre_hook='create table before as select 1 as one', "
        "post_hook='insert into things values (3, (select one from before))') }}"
    )
    assert build(f"{settings} {TWO_THINGS}") == {"things": "success"}
    assert asked(tmp_path, "select count(*) from things") == [(3,)]
    broken = settings.replace("table before", "table before_2")
    broken = broken.replace("select one from", "select (one || chr(97))::integer from")
    assert build(f"{broken} {TWO_THINGS} limit 1") == {"things": "error"}
    assert asked(tmp_path, "select count(*) from things") == [(3,)]
    tables = asked(tmp_path, "select table_name from duckdb_tables() order by all")
    assert tables == [("before",), ("things",)]
