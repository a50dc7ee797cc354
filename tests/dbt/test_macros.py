"""Macros and generic tests by themselves: their committed text, rendered and run on DuckDB."""

import re
from pathlib import Path

import duckdb
import jinja2
import pytest

from orchestration.settings import PROJECT_DIR

DBT = PROJECT_DIR / "dbt_project"


def generic_test(name: str, **arguments: object) -> str:
    """The query of a generic test for these arguments; dbt's own tag takes no part."""
    text = (DBT / "tests" / "generic" / f"{name}.sql").read_text("utf-8")
    body = re.sub(r"\{%-?\s*(end)?test\b[^%]*%\}", "", text)
    return jinja2.Environment(autoescape=False).from_string(body).render(**arguments)  # noqa: S701


@pytest.mark.parametrize(
    "keys, broken",
    [
        (["a", "b"], 0),
        ([], 0),
        (["a", "b", "a"], 1),
        (["a", "a", "a", "b", "b"], 2),
        (["a", None], 1),
        ([None, None], 1),
    ],
)
def test_a_key_that_is_shared_or_missing_does_not_name_its_rows(
    keys: list[str | None], broken: int
) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table things (thing_key varchar)")
        for key in keys:
            connection.execute("insert into things values (?)", [key])
        query = generic_test("names_its_rows", model="things", column_name="thing_key")
        assert len(connection.execute(query).fetchall()) == broken


def call_macro(path: Path, name: str, *arguments: object) -> object:
    """What a macro returns by dbt's `return`."""
    answers: list[object] = []
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 (SQL, not HTML)
    environment.globals["return"] = answers.append
    module = environment.from_string(path.read_text("utf-8")).module
    getattr(module, name)(*arguments)
    (answer,) = answers
    return answer


def test_the_entity_of_an_account_is_what_its_line_says_or_the_end_of_its_adapters_name() -> None:
    path = DBT / "macros" / "entity_of.sql"
    assert call_macro(path, "entity_of", {"adapter": "src_post__letters"}) == "letters"
    shared = {"adapter": "src_post__letters", "entity": "events"}
    assert call_macro(path, "entity_of", shared) == "events"
