"""The connection readers get: one version, read-only, and no way out of its files.

`read_only` alone lets SQL read any file of the machine and copy tables out, so every
connection is locked up before it is handed out. The price is that a query which does not
fit into its memory limit fails instead of spilling to disk. Which version is current is
`pointer`'s knowledge.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from orchestration.publish.engine import EngineLimits, open_hardened
from orchestration.publish.errors import PublishedStateError, QueryError, cause, reason
from orchestration.publish.pointer import PublishedVersion, current, version
from orchestration.settings import Settings

READER_LIMITS = EngineLimits(memory="2GB", threads=2)

_ROWS_PER_FETCH = 1_000


@dataclass(frozen=True)
class Column:
    """A column of a result; `type` in DuckDB's words."""

    name: str
    type: str


@dataclass(frozen=True)
class QueryResult:
    """Rows of one query, fetched in portions while the connection is open."""

    version: PublishedVersion
    columns: tuple[Column, ...]
    rows: Iterator[tuple[object, ...]]


def connect(
    settings: Settings,
    *,
    personal: bool = False,
    version: int | None = None,
    limits: EngineLimits = READER_LIMITS,
) -> duckdb.DuckDBPyConnection:
    """Open the current (or the given) version for reading, as the database `analytics`.

    The path is the version's own, so the connection keeps one state however the pointer
    moves. With `personal`, direct identifiers are there too, as
    `identified.customer_identifier`. Raises PublishedStateError when nothing is published or
    the files cannot be opened, UnknownVersionError for a version that is not there.
    """
    found = _find(settings, version)
    _require_no_wal(found)
    files = {"analytics": found.analytics_path}
    if personal:
        files["identified"] = found.identified_path
    try:
        return open_hardened(files, limits)
    except duckdb.Error as error:
        raise PublishedStateError(
            f"version {found.version} cannot be opened ({reason(error)}). It is untouched. "
            f"Check that you may read {', '.join(map(str, files.values()))}, or serve another "
            "version with `shopthread rollback`"
        ) from error


@contextmanager
def query(
    settings: Settings, sql: str, *, personal: bool = False, version: int | None = None
) -> Iterator[QueryResult]:
    """Run SQL on a version and give its columns and rows; rows end with the context.

    Raises QueryError with DuckDB's reason where it is about names and types.
    """
    found = _find(settings, version)
    with connect(settings, personal=personal, version=found.version) as connection:
        try:
            # DuckDB would run all of them and answer with the last one's rows.
            statements = len(connection.extract_statements(sql))
            if statements > 1:
                raise QueryError(
                    f"{statements} statements were given and one is answered; nothing was asked. "
                    "Ask them one by one"
                )
            connection.execute(sql)
        except duckdb.Error as error:
            raise _query_error(error, found) from cause(error)
        columns = tuple(
            Column(name=item[0], type=str(item[1])) for item in connection.description or ()
        )
        yield QueryResult(found, columns, _rows(connection, found) if columns else iter(()))


def _find(settings: Settings, number: int | None) -> PublishedVersion:
    if number is not None:
        return version(settings, number)
    found = current(settings)
    if found is None:
        raise PublishedStateError(
            f"nothing is published in {settings.published_dir} yet. Publish first: `shopthread run`"
        )
    return found


def _require_no_wal(found: PublishedVersion) -> None:
    """Refuse a write-ahead log: a valid one would be replayed into what the reader sees."""
    for wal in found.directory.glob("*.wal"):
        raise PublishedStateError(
            f"{wal} lies beside a published file, so a client that is not ours opened it for "
            "writing. The file itself is untouched. Remove the .wal, or publish again, which "
            "removes it"
        )


def _rows(
    connection: duckdb.DuckDBPyConnection, found: PublishedVersion
) -> Iterator[tuple[object, ...]]:
    while True:
        try:
            portion = connection.fetchmany(_ROWS_PER_FETCH)
        except duckdb.Error as error:
            raise _query_error(error, found) from cause(error)
        if not portion:
            return
        yield from portion


def _query_error(error: duckdb.Error, found: PublishedVersion) -> QueryError:
    # All lines: they show where in the statement something is wrong.
    why = str(error).strip() if cause(error) else f"{reason(error)}, on a value not shown here."
    return QueryError(
        f"version {found.version} refused the query. {why}\n"
        "The published files are untouched. `select * from catalog` lists the marts; "
        "`describe <mart>` their columns"
    )
