"""Order-free hashes of tables, so that two builds can be called equal.

The hash of a table is the sum of its rows' hashes as a 128-bit integer beside the row
count: the order of rows does not matter and a duplicated row is visible. What equality
leaves out stands here, in one list.
"""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import duckdb

from orchestration.publish.quoting import identifier
from orchestration.quiet_duckdb import open_duckdb

PUBLISHED_SCHEMAS = ("customer", "commerce", "journey", "kpi", "quality")

LEFT_OUT_OF_EQUALITY = ("quality.dq_*", "quality.catalog")
"""Marts that describe a run and not the business: results of checks differ in their times
between two runs over the same data, and `catalog` counts the rows of those results.
Columns declared `run_metadata` are left out as well. The list grows only with a decision
record."""


class TableHash(NamedTuple):
    """Rows of a table and the sum of their hashes, in hexadecimal."""

    rows: int
    hash: str


def counts_for_equality(mart: str) -> bool:
    """Whether `schema.name` takes part when two versions are compared."""
    return not any(fnmatchcase(mart, pattern) for pattern in LEFT_OUT_OF_EQUALITY)


def hash_relation(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> TableHash:
    """Hash `columns` of `relation`, which is SQL text (a quoted name or a table function)."""
    row = connection.execute(
        f"select count(*), sum(hash({_list(columns)})::hugeint) from {relation}"
    ).fetchone()
    if row is None:
        raise RuntimeError(f"counting {relation} returned no row")
    return TableHash(rows=row[0], hash=as_hexadecimal(row[1]))


def as_hexadecimal(hash_sum: int | None) -> str:
    """The sum of no rows is 0."""
    return f"{hash_sum or 0:032x}"


def table_hashes(
    database: Path | duckdb.DuckDBPyConnection,
    schemas: Sequence[str] = PUBLISHED_SCHEMAS,
    *,
    run_metadata: Mapping[str, Collection[str]] | None = None,
) -> dict[str, TableHash]:
    """Hash every table and view of `schemas`, by `schema.name` in order of name.

    A path is opened read-only and closed again; of a connection, the current database is
    read. `run_metadata` names columns that are left out, by mart. Hashes are comparable
    between files of one DuckDB version.
    """
    if isinstance(database, Path):
        with open_duckdb(database, read_only=True) as connection:
            connection.execute("set enable_progress_bar = false")
            return table_hashes(connection, schemas, run_metadata=run_metadata)
    left_out = run_metadata or {}
    hashes = {}
    for mart, columns in _columns_by_table(database, schemas).items():
        kept = [column for column in columns if column not in left_out.get(mart, ())]
        hashes[mart] = hash_relation(database, identifier(*mart.split(".", 1)), kept)
    return hashes


def _columns_by_table(
    connection: duckdb.DuckDBPyConnection, schemas: Sequence[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for schema, table, column in connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns()"
        " where database_name = current_database() and list_contains(?, schema_name)"
        " order by schema_name, table_name, column_index",
        [list(schemas)],
    ).fetchall():
        found.setdefault(f"{schema}.{table}", []).append(column)
    return found


def _list(columns: Sequence[str]) -> str:
    return ", ".join(identifier(column) for column in columns) or "null"
