"""The SQLAlchemy dialect through which Great Expectations asks DuckDB.

Great Expectations reads results after it has given the connection back, and in
duckdb-engine the cursor *is* the connection, so every expectation fails there with
`IndexError` and is reported as a failed one. Here a cursor keeps its rows when the
statement is executed; results of expectations are a handful of numbers.

A connection is opened, hardened and owned by the caller and lent under a random name;
this module opens no file. Deciding what to ask belongs to `runner`. SQLAlchemy is
imported inside functions only.
"""

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedPrimaryKeyConstraint

DRIVER = "duckdb.gx"
"""SQLAlchemy's name of the dialect; its addresses begin with `duckdb+gx://`."""

_LENT: dict[str, "LentConnection"] = {}


class ConnectionNotLentError(LookupError):
    """A name that nobody lends: the runner that lent it has finished."""


class LentConnection:
    """One DuckDB connection that SQLAlchemy may use, and a switch that stops its queries."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = connection
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._stopped = threading.Event()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A further connection to the same database instance."""
        if self._connection is None:
            raise ConnectionNotLentError("the loan has ended")
        cursor = self._connection.cursor()
        self._cursors.append(cursor)
        return cursor

    def open_cursor(self) -> int:
        """Open a cursor and return its number.

        Great Expectations keeps what it was given until the interpreter ends; with a
        number in its hands it keeps no connection open.
        """
        self.cursor()
        return len(self._cursors) - 1

    def numbered(self, number: int) -> duckdb.DuckDBPyConnection:
        """The cursor of that number. Raises ConnectionNotLentError after the loan."""
        if number >= len(self._cursors):
            raise ConnectionNotLentError("the loan has ended")
        return self._cursors[number]

    def stop(self) -> None:
        """Break off what every cursor is doing and refuse further statements.

        The running statement raises in its own thread.
        """
        self._stopped.set()
        for cursor in list(self._cursors):
            cursor.interrupt()

    def resume(self) -> None:
        """Allow statements again, for the next table."""
        self._stopped.clear()

    def ensure_running(self) -> None:
        """Raise duckdb.InterruptException when the loan is stopped."""
        if self._stopped.is_set():
            raise duckdb.InterruptException("stopped: the time for this table is over")

    def close(self) -> None:
        """Close the cursors; the connection itself stays with its owner."""
        for cursor in self._cursors:
            cursor.close()
        self._cursors.clear()
        self._connection = None


class RowKeepingCursor:
    """A DB-API cursor whose rows outlive the statement and the connection."""

    arraysize = 1

    def __init__(self, parent: "LentDbapiConnection") -> None:
        self.connection = parent
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1

    def execute(self, statement: str, parameters: Any = None, _context: object = None) -> None:
        self.connection.loan.ensure_running()
        lent = self.connection.lent
        result = lent.execute(statement, parameters) if parameters else lent.execute(statement)
        # Names of types instead of the engine's objects: Great Expectations keeps results
        # until the interpreter ends, and DuckDB reports its objects as leaked then.
        self.description = [
            (column[0], str(column[1]), *column[2:]) for column in result.description or []
        ] or None
        self._rows = result.fetchall() if self.description else []
        self.rowcount = len(self._rows)

    def executemany(
        self, statement: str, parameters: Sequence[Any] = (), _context: object = None
    ) -> None:
        self.connection.loan.ensure_running()
        self.connection.lent.executemany(statement, list(parameters))
        self.description, self._rows, self.rowcount = None, [], -1

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        taken = self._rows[: size or self.arraysize]
        del self._rows[: len(taken)]
        return taken

    def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None:
        """Nothing to give back: the rows are already here."""


class LentDbapiConnection:
    """What SQLAlchemy takes for a DB-API connection: cursors that keep their rows."""

    def __init__(self, loan: LentConnection) -> None:
        self.loan = loan
        self.notices: list[str] = []
        self._number = loan.open_cursor()

    @property
    def lent(self) -> duckdb.DuckDBPyConnection:
        """The connection behind it, which it never holds itself: see `LentConnection`."""
        return self.loan.numbered(self._number)

    def cursor(self) -> RowKeepingCursor:
        return RowKeepingCursor(self)

    def begin(self) -> None:
        """Every statement is its own transaction: expectations only read."""

    def commit(self) -> None:
        """See `begin`."""

    def rollback(self) -> None:
        """See `begin`."""

    def close(self) -> None:
        """The runner closes what it lent."""


def connect_lent(name: str) -> LentDbapiConnection:
    """Answer SQLAlchemy's wish for a connection by the name in the address.

    Raises ConnectionNotLentError when the name is not lent (any more).
    """
    if name not in _LENT:
        raise ConnectionNotLentError(
            "no DuckDB connection is lent under this name; open the database through "
            "orchestration.quality.runner, which lends it while a suite runs"
        )
    return LentDbapiConnection(_LENT[name])


@cache
def _dialect_class() -> type[Any]:
    from duckdb_engine import Dialect

    class GxDialect(Dialect):
        """duckdb-engine with cursors that keep their rows and connections that are lent."""

        name = "duckdb"
        driver = "gx"
        supports_statement_cache = False

        def connect(self, *_args: Any, **kwargs: Any) -> Any:
            return connect_lent(str(kwargs["database"]))

        def do_begin(self, dbapi_connection: Any) -> None:
            dbapi_connection.begin()

        def do_rollback(self, dbapi_connection: Any) -> None:
            dbapi_connection.rollback()

        def get_columns(
            self, connection: Any, table_name: str, schema: str | None = None, **_kw: Any
        ) -> "list[ReflectedColumn]":
            """Names and types as DuckDB describes them.

            Great Expectations asks before each table that it judges; the base class answers
            from Postgres's catalogue, 0.1 s a table (2026-11).
            """
            quote = self.identifier_preparer.quote_identifier
            table = ".".join(quote(str(part)) for part in (schema, table_name) if part)
            return [
                {
                    "name": name,
                    "type": _column_type(kind),
                    "nullable": nullable == "YES",
                    "default": None,
                }
                for name, kind, nullable, *_ in connection.exec_driver_sql(f"describe {table}")
            ]

        def get_pk_constraint(self, *_args: Any, **_kw: Any) -> "ReflectedPrimaryKeyConstraint":
            """None: nobody asks for keys, and Postgres's catalogue is as slow to tell them."""
            return {"constrained_columns": [], "name": None}

    return GxDialect


def _column_type(kind: str) -> Any:
    """SQLAlchemy's type for a type in DuckDB's words; what has no counterpart has no type."""
    from sqlalchemy import types

    name, _, digits = kind.partition("(")
    if name == "DECIMAL":
        precision, scale = digits.rstrip(")").split(",")
        return types.Numeric(int(precision), int(scale))
    known = {
        "VARCHAR": types.String,
        "BOOLEAN": types.Boolean,
        "SMALLINT": types.SmallInteger,
        "INTEGER": types.Integer,
        "BIGINT": types.BigInteger,
        "HUGEINT": types.BigInteger,
        "FLOAT": types.Float,
        "DOUBLE": types.Float,
        "DATE": types.Date,
        "TIME": types.Time,
        "TIMESTAMP": types.DateTime,
        "TIMESTAMP WITH TIME ZONE": types.DateTime,
    }
    return known.get(name, types.NullType)()


def __getattr__(name: str) -> Any:
    """Build the class when SQLAlchemy looks it up: its base imports SQLAlchemy."""
    if name == "GxDialect":
        return _dialect_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@contextmanager
def lend(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, LentConnection]]:
    """Lend `connection` for the length of the block.

    Yields the address for `create_engine` or Great Expectations, and the loan, whose
    `stop` breaks off a running query from another thread.
    """
    from sqlalchemy.dialects import registry

    registry.register(DRIVER, __name__, "GxDialect")
    name = secrets.token_hex(8)
    loan = LentConnection(connection)
    _LENT[name] = loan
    try:
        yield f"duckdb+gx:///{name}", loan
    finally:
        del _LENT[name]
        loan.close()
