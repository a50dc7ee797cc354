"""The connection readers get: one version, read-only, and no way out of its files.

`read_only` alone lets SQL read any file of the machine and copy tables out, so every
connection is locked up before it is handed out. The price is that a query which does not
fit into its memory limit fails instead of spilling to disk. A reader who meets damage in the
current version gets the newest whole one and is told so. Which version is current is
`pointer`'s knowledge, which one is whole `falling_back`'s.
"""

import dataclasses
import itertools
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.publish.damage import damage_of, entry_of, listed
from orchestration.publish.engine import EngineLimits, open_hardened
from orchestration.publish.errors import (
    DamagedError,
    DamageWarning,
    PublishedStateError,
    PublishError,
    QueryError,
    cause,
    reason,
)
from orchestration.publish.falling_back import fall_back, whole_version
from orchestration.publish.manifest import is_damage
from orchestration.publish.pointer import (
    PublishedVersion,
    current,
    load,
    served_number,
    version,
)
from orchestration.settings import Settings

READER_LIMITS = EngineLimits(memory="2GB", threads=2)

_ROWS_PER_FETCH = 1_000

# About names, rights or limits of the query: no reason to compare every byte of a version.
_THE_QUERY_ITSELF = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    duckdb.PermissionException,
)


@dataclass(frozen=True)
class Column:
    """A column of a result; `type` in DuckDB's words."""

    name: str
    type: str


@dataclass(frozen=True)
class QueryResult:
    """Rows of one query, fetched in portions while the connection is open.

    `alarm` is a sentence when the newest version is damaged and an earlier one answers.
    """

    version: PublishedVersion
    columns: tuple[Column, ...]
    rows: Iterator[tuple[object, ...]]

    @property
    def alarm(self) -> str | None:
        return _alarm(self.version)


@dataclass(frozen=True)
class Opened:
    """A connection and the version it reads; `alarm` as in QueryResult."""

    connection: duckdb.DuckDBPyConnection
    version: PublishedVersion

    @property
    def alarm(self) -> str | None:
        return _alarm(self.version)


@dataclass(frozen=True)
class CheckedParquet:
    """Files by mart, all of one version, whose bytes were just compared; `alarm` as above."""

    paths: Mapping[str, Path]
    version: PublishedVersion

    @property
    def alarm(self) -> str | None:
        return _alarm(self.version)


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
    `identified.customer_identifier`. Where the current version cannot be opened because it is
    damaged, the newest whole one is, with a DamageWarning. Raises PublishedStateError when
    nothing is published or the files cannot be opened, UnknownVersionError for a version that
    is not there, NoWholeVersionError when no version is whole.
    """
    opened = _open(settings, version, personal=personal, limits=limits)
    if opened.alarm is not None:
        warnings.warn(opened.alarm, DamageWarning, stacklevel=2)
    return opened.connection


@contextmanager
def opened(settings: Settings, version: int | None = None) -> Iterator[Opened]:
    """The same connection for the length of a block, with the version it reads.

    An error of DuckDB that leaves the block because the version is damaged becomes a
    DamagedError that says where readers are now.
    """
    found = _open(settings, version)
    with found.connection:
        try:
            yield found
        except duckdb.Error as error:
            if _is_about_the_query(error):
                raise
            _require_whole_after(settings, found.version, error)
            raise


@contextmanager
def query(
    settings: Settings, sql: str, *, personal: bool = False, version: int | None = None
) -> Iterator[QueryResult]:
    """Run SQL on a version and give its columns and rows; rows end with the context.

    Where the current version turns out to be damaged, the newest whole one answers, with an
    alarm on the result; only when rows were handed out already, DamagedError says to ask
    again. Raises QueryError with DuckDB's reason where it is about names and types.
    """
    found = _open(settings, version, personal=personal)
    try:
        try:
            answer = _first_rows(found.connection, sql)
        except duckdb.Error as error:
            refused = _query_error(error, found.version)
            if _is_about_the_query(error):
                raise refused from cause(error)
            if version is not None:
                _require_whole_after(settings, found.version, error)
                raise refused from cause(error)
            found.connection.close()
            instead = _instead_of(settings, found.version.version, refused)
            found = Opened(_attach(instead, personal=personal, limits=READER_LIMITS), instead)
            try:
                answer = _first_rows(found.connection, sql)
            except duckdb.Error as again:
                raise _query_error(again, found.version) from cause(again)
        columns, first = answer
        rest = _rows(settings, found) if columns else iter(())
        yield QueryResult(found.version, columns, itertools.chain(first, rest))
    finally:
        found.connection.close()


def checked_parquet(settings: Settings, marts: Collection[str]) -> CheckedParquet:
    """The Parquet files of `schema.mart` names in the current version, their bytes compared.

    Parquet has no checksums here, so a tool that reads it cannot see a flipped byte. A
    damaged file moves readers to the newest whole version, as everywhere, and all files are
    of that one. Raises PublishedStateError for a mart that is not published.
    """
    seen: int | None = None
    try:
        found = _find_current(settings)
        seen = found.version
        return CheckedParquet(_compared(found, marts), found)
    except DamagedError as error:
        found = _instead_of(settings, seen, error)
        return CheckedParquet(_compared(found, marts), found)


def _compared(found: PublishedVersion, marts: Collection[str]) -> dict[str, Path]:
    paths = {mart: _parquet_of(found, mart) for mart in marts}
    for path in paths.values():
        name = path.relative_to(found.directory).as_posix()
        try:
            is_whole = entry_of(path) == found.manifest.files[name]
        except OSError as error:
            if not is_damage(error):
                raise
            is_whole = False
        if not is_whole:
            raise DamagedError(
                f"{path} is not what its manifest says. It is untouched. Publish again: "
                "`shopthread publish`"
            )
    return paths


def _parquet_of(found: PublishedVersion, mart: str) -> Path:
    entry = found.manifest.marts.get(mart)
    if entry is None:
        raise PublishedStateError(
            f"version {found.version} has no mart {mart}. It has "
            f"{', '.join(sorted(found.manifest.marts))}"
        )
    return found.directory / entry.parquet


def _open(
    settings: Settings,
    number: int | None,
    *,
    personal: bool = False,
    limits: EngineLimits = READER_LIMITS,
) -> Opened:
    if number is not None:
        found = version(settings, number)
        try:
            return Opened(_attach(found, personal=personal, limits=limits), found)
        except _UnopenableError as error:
            _require_whole_after(settings, found, error)
            raise
    seen: int | None = None
    try:
        found = _find_current(settings)
        seen = found.version
        return Opened(_attach(found, personal=personal, limits=limits), found)
    except (DamagedError, _UnopenableError) as error:
        found = _instead_of(settings, seen, error)
        return Opened(_attach(found, personal=personal, limits=limits), found)


class _UnopenableError(PublishedStateError):
    """DuckDB does not open the files: damaged, or not for this process."""


def _attach(
    found: PublishedVersion, *, personal: bool, limits: EngineLimits
) -> duckdb.DuckDBPyConnection:
    _require_no_wal(found)
    files = {"analytics": found.analytics_path}
    if personal:
        files["identified"] = found.identified_path
    try:
        return open_hardened(files, limits)
    except duckdb.Error as error:
        raise _UnopenableError(
            f"version {found.version} cannot be opened ({reason(error)}). It is untouched. "
            f"Check that you may read {', '.join(map(str, files.values()))}, or serve another "
            "version with `shopthread rollback`"
        ) from error


def _find_current(settings: Settings) -> PublishedVersion:
    found = current(settings)
    if found is None:
        raise PublishedStateError(
            f"nothing is published in {settings.published_dir} yet. Publish first: `shopthread run`"
        )
    return found


def _instead_of(settings: Settings, seen: int | None, met: Exception) -> PublishedVersion:
    """The version to read after `met`; raises `met` when the one that was seen is whole.

    Moves the pointer where this process may; otherwise only this reader goes elsewhere.
    """
    try:
        fallen = fall_back(settings)
    except (OSError, PublishError):
        # No right to write, a read-only file system, or a lock that stays held.
        fallen = whole_version(settings)
        if fallen is not None:
            found = load(settings.published_dir, fallen.to_version, is_current=False)
            return dataclasses.replace(found, fell_back=fallen)
    if fallen is None and served_number(settings.published_dir) == seen:
        raise met
    return _find_current(settings)


def _require_whole_after(settings: Settings, found: PublishedVersion, error: Exception) -> None:
    """Raise DamagedError if damage of the version explains the error."""
    damage = damage_of(found.directory)
    if not damage:
        return
    told = f"version {found.version} is damaged ({listed(damage)}): drop what was read of it. "
    if not found.is_current:
        raise DamagedError(f"{told}Ask the current version") from error
    now = _instead_of(settings, found.version, error)
    raise DamagedError(f"{told}Ask again: version {now.version} answers now") from error


def _alarm(found: PublishedVersion) -> str | None:
    return None if found.fell_back is None else found.fell_back.message


def _is_about_the_query(error: duckdb.Error) -> bool:
    return isinstance(error, _THE_QUERY_ITSELF)


def _first_rows(
    connection: duckdb.DuckDBPyConnection, sql: str
) -> tuple[tuple[Column, ...], list[tuple[object, ...]]]:
    """Columns and the first portion of rows, so that most damage shows before any is given."""
    # DuckDB would run all of them and answer with the last one's rows.
    statements = len(connection.extract_statements(sql))
    if statements > 1:
        raise QueryError(
            f"{statements} statements were given and one is answered; nothing was asked. "
            "Ask them one by one"
        )
    connection.execute(sql)
    columns = tuple(
        Column(name=item[0], type=str(item[1])) for item in connection.description or ()
    )
    return columns, connection.fetchmany(_ROWS_PER_FETCH) if columns else []


def _require_no_wal(found: PublishedVersion) -> None:
    """Refuse a write-ahead log: a valid one would be replayed into what the reader sees."""
    for wal in found.directory.glob("*.wal"):
        raise PublishedStateError(
            f"{wal} lies beside a published file, so a client that is not ours opened it for "
            "writing. The file itself is untouched. Remove the .wal, or publish again, which "
            "removes it"
        )


def _rows(settings: Settings, found: Opened) -> Iterator[tuple[object, ...]]:
    while True:
        try:
            portion = found.connection.fetchmany(_ROWS_PER_FETCH)
        except duckdb.Error as error:
            if not _is_about_the_query(error):
                _require_whole_after(settings, found.version, error)
            raise _query_error(error, found.version) from cause(error)
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
