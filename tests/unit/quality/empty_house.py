"""A warehouse of the right shape without a row, and ways to fill it with nonsense.

The shape is read from the dbt contracts and from the landing contracts, so a suite that
asks for a column which no contract promises fails here. Rows are made from small pools of
values, among them every word that the expectation at hand mentions.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.quality import Layout, TableSuite, load_suites
from orchestration.quality.database import literal, quoted
from orchestration.quality.suites import SQL_KEYS, Expectation

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = {
    "staging": "staging",
    "identity": "int_identity",
    "journey": "int_journey",
    "marts/customer": "customer",
    "marts/commerce": "commerce",
    "marts/journey": "journey",
    "marts/kpi": "kpi",
    "marts/quality": "quality",
}
LEDGER_VIEWS = {
    "src_shopthread__batches": {
        "vendor": "varchar",
        "entity": "varchar",
        "is_current": "boolean",
        "landed_rows": "bigint",
    },
    "src_shopthread__quarantined_rows": {"row_count": "bigint"},
}
ROWS = 300
"""More than any `or_rows`, so that the tolerance for small tables does not hide a fault."""

Place = tuple[str, str]
Tables = Mapping[Place, Mapping[str, str]]


def suites() -> dict[Place, TableSuite]:
    """Every shipped suite by the place of its table here."""
    return {
        (suite.schema_name, suite.name): suite
        for file in load_suites(ROOT / "expectations").values()
        for suite in file.tables.values()
    }


def tables() -> dict[Place, dict[str, str]]:
    """Every table's columns and DuckDB types, as its contract says."""
    found: dict[Place, dict[str, str]] = {
        ("adapters", name): dict(columns) for name, columns in LEDGER_VIEWS.items()
    }
    models = ROOT / "dbt_project" / "models"
    for path in sorted(models.rglob("*.yml")):
        folder = path.relative_to(models).as_posix()
        schema = next((name for key, name in SCHEMAS.items() if folder.startswith(key + "/")), None)
        if schema is not None:
            for model in yaml.safe_load(path.read_text()).get("models", []):
                found[schema, model["name"]] = {
                    column["name"]: column["data_type"].replace("string", "varchar")
                    for column in model.get("columns", [])
                }
    for path in sorted((ROOT / "dbt_project" / "seeds").rglob("*.csv")):
        header = path.read_text().splitlines()[0]
        found["reference", path.stem] = dict.fromkeys(header.split(","), "varchar")
    for place, suite in suites().items():
        if suite.columns:
            found[place] = suite.duckdb_columns(Layout.DELIVERED)
    return found


def build(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table, empty; the date the data is judged at is the only row."""
    for (schema, name), columns in tables().items():
        listed = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
        connection.execute(f"create schema if not exists {quoted(schema)}")
        connection.execute(f"create table {quoted(schema, name)} ({listed})")
    connection.execute("insert into staging.int_calendar__as_of values (date '2017-12-31')")


def words(expectation: Expectation) -> list[str]:
    """Words that an expectation mentions: values of its sets and literals of its SQL."""
    mentioned = [word for word in expectation.kwargs.get("value_set", []) if isinstance(word, str)]
    for key in SQL_KEYS:
        mentioned += re.findall(r"'([^']*)'", str(expectation.kwargs.get(key, "")))
    return mentioned


def pool(kind: str, mentioned: Sequence[str] = ()) -> list[str]:
    """SQL literals of a type, small enough that random rows meet each other."""
    name = kind.lower()
    if name == "varchar":
        return ["'a'", "'b'", "''", "null", *(literal(word) for word in mentioned)]
    if name == "boolean":
        return ["true", "false", "null"]
    if name == "date":
        days = ("2017-01-02", "2017-01-03", "2015-06-07", "2030-01-01")
        return [f"date '{day}'" for day in days] + ["null"]
    if name == "timestamp":
        times = ("2017-01-02 03:04:05", "2017-01-03 23:00:00", "2030-01-01 12:00:00")
        return [f"timestamp '{time}'" for time in times] + ["null"]
    numbers = ["0", "1", "-1", "2", "7", "300", "5000000", "null"]
    return [*numbers, "0.5"] if name in ("double", "float") else numbers


def mixed_rows(columns: Mapping[str, str], mentioned: Sequence[str], seed: int) -> str:
    """A select of different random rows; the same ones for the same seed."""
    chosen = []
    for number, (column, kind) in enumerate(columns.items()):
        values = pool(kind, mentioned)
        at = f"1 + (hash(row_no * 7919 + {seed * 101 + number}) % {len(values)})::bigint"
        chosen.append(
            f"cast(list_extract([{', '.join(values)}], {at}) as {kind}) as {quoted(column)}"
        )
    return f"select {', '.join(chosen)} from range({ROWS}) as rows(row_no)"


def equal_rows(
    columns: Mapping[str, str], mentioned: Sequence[str], seed: int, fixed: Mapping[str, str] = {}
) -> str:
    """A select of one random row, many times over; `fixed` columns have the value given."""
    dice = random.Random(seed)
    chosen = [
        f"cast({fixed.get(column) or dice.choice(pool(kind, mentioned))} as {kind})"
        f" as {quoted(column)}"
        for column, kind in columns.items()
    ]
    return f"select {', '.join(chosen)} from range({ROWS})"


def referenced(text: str, shape: Tables) -> Iterator[Place]:
    """Tables that a statement names beside the judged one."""
    plain = text.replace('"', "")
    for schema, name in shape:
        if re.search(rf"\b{schema}\.{name}\b", plain):
            yield schema, name


def bad_value(expectation: Expectation, column: str, kind: str) -> str | None:
    """An SQL literal that breaks one of Great Expectations' own row-by-row types."""
    kwargs: dict[str, Any] = expectation.kwargs
    if expectation.type == "expect_column_pair_values_a_to_be_greater_than_b":
        low, high = (
            ("-1", "7")
            if "date" not in kind.lower()
            else (
                "date '1999-01-01'",
                "date '2030-01-01'",
            )
        )
        return low if kwargs["column_A"] == column else high
    if expectation.type == "expect_column_values_to_be_between":
        return str(kwargs["min_value"] - 1 if "min_value" in kwargs else kwargs["max_value"] + 1)
    if expectation.type == "expect_column_values_to_not_be_null":
        return None
    return "''" if kind.lower() == "varchar" else "-1"
