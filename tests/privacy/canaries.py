"""Values that must appear nowhere, and the reading of every kind of file they could hide in.

A canary is made up, unmistakable, and carries a mark: looking for the mark finds it however it
was cut, in any case, and in base64 at any offset. SQLite, Parquet and DuckDB files, zlib and
gzip are read as well as scanned; which places may hold canaries is the tests' business.
"""

import base64
import gzip
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

LETTERS, DIGITS, SECRET = "qzkxvwjq", "7310550417", "zsecrettqk"
MARKS = (LETTERS, DIGITS, SECRET)

CARDS = (
    "LC-QZKXVWJQ-0001-77",
    "LC-QZKXVWJQ-0002-77",
    "lc qzkxvwjq 0003 77",
    "LC-QZKXVWJQ-0004-77",
    "7310550417000",
)
"""Loyalty cards of customers who are landed, joined and published; one is all digits."""
PEOPLE = {
    **{f"card of customer {number}": card for number, card in enumerate(CARDS, 1)},
    "card of a row set aside": "LC-QZKXVWJQ-0006-77",
    "another card of a row set aside": "LC-QZKXVWJQ-0007-77",
    "card in a batch refused by its columns": "LC-QZKXVWJQ-0008-77",
    "card in a batch refused by its types": "LC-QZKXVWJQ-0009-77",
    "card in a batch refused by its share": "LC-QZKXVWJQ-0010-77",
    "card in a batch refused by its suite": "LC-QZKXVWJQ-0011-77",
    "e-mail in a column that no contract knows": "anna.qzkxvwjq@example.org",
    "phone in a column that no contract knows": "+49 7310550417 1",
    "name that became a column's name": "Anna Qzkxvwjq-Muster",
    "e-mail in a column of numbers": "berta.qzkxvwjq@example.org",
    "address in a column of times": "Qzkxvwjqstr. 7, 04711 Musterstadt",
    "name in a column of free text": "for Carla Qzkxvwjq only",
    "name in a column of few values": "Dora Qzkxvwjq",
    "name in the name of a file": "emil.qzkxvwjq@example.org",
    "value in a file that is no table": "Frida Qzkxvwjq, born 7310550417",
}
"""What it is and where it is planted -> the value."""
SECRETS = {
    "SHOPTHREAD_IDENTITY_KEY": "key-zsecrettqk-01",
    "SHOP_PASSWORD": "pass-zsecrettqk-02",
    "DBT_ENV_SECRET_WAREHOUSE": "dbt-zsecrettqk-03",
    "DATABASE_URL": "postgresql://shop:zsecrettqk04@localhost:5432/shop",
}
DOTENV = {"SHOPTHREAD_SINK_TOKEN": "dotenv-zsecrettqk-05"}
"""Stands in a file `.env` where commands are started."""


@dataclass(frozen=True)
class Hit:
    """A canary where none may be. `way`: as bytes of the file, or as what the file holds."""

    path: Path
    way: str
    mark: str
    around: str


def scan(*folders: Path) -> list[Hit]:
    """Every hit in files and names of files below the folders, links not followed."""
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix().encode()
            found += [Hit(path, "name", mark, around) for mark, around in marks_in(name)]
            if path.is_symlink() or not path.is_file():
                continue
            for way, data in contents(path):
                found += [Hit(path, way, mark, around) for mark, around in marks_in(data)]
    return found


def marks_in(data: bytes) -> Iterator[tuple[str, str]]:
    """Marks in `data` with what stands around them: in any case, and in base64."""
    lowered = data.lower()
    for mark in MARKS:
        at = lowered.find(mark.encode())
        if at >= 0:
            yield mark, repr(data[max(0, at - 60) : at + 60])
            continue
        for needle in _base64_of(mark):
            at = data.find(needle)
            if at >= 0:
                yield mark, repr(data[max(0, at - 60) : at + 60])
                break


def _base64_of(mark: str) -> Iterator[bytes]:
    """The characters that a mark always has in base64, at each of the three offsets."""
    for text in {mark, mark.upper(), mark.capitalize()}:
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + text.encode()).rstrip(b"=")
            # The first characters share bits with what stands before, the last with after.
            whole = (offset + len(text)) // 3 * 4
            yield coded[0 if offset == 0 else 4 : whole]


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, and what its format keeps in a form that bytes alone do not show."""
    data = path.read_bytes()
    yield "bytes", data
    if data.startswith(b"SQLite format 3\0"):
        yield "sqlite", b"\n".join(_sqlite(path))
    elif data.startswith(b"PAR1") and data.endswith(b"PAR1"):
        yield "parquet", b"\n".join(_parquet(path))
    elif data[8:12] == b"DUCK":
        yield "duckdb", b"\n".join(_duckdb(path))
    else:
        unpacked = _unpacked(data)
        if unpacked:
            yield "unpacked", unpacked


def _unpacked(data: bytes) -> bytes:
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data[:1] == b"\x78":
        try:
            return zlib.decompress(data)
        except zlib.error:
            return b""
    return b""


def _sqlite(path: Path) -> Iterator[bytes]:
    """Every value of every table; a copy with its log is read, so nothing is touched."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        with sqlite3.connect(copy) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "select name from sqlite_master where type = 'table'"
                )
            ]
            for name in names:
                for row in connection.execute(f'select * from "{name}"'):
                    yield from _values(row)
        connection.close()


def _values(row: Iterable[object]) -> Iterator[bytes]:
    for value in row:
        if isinstance(value, bytes):
            yield value
            yield _unpacked(value)
        elif value is not None:
            yield str(value).encode()


def _parquet(path: Path) -> Iterator[bytes]:
    yield from _table(pq.ParquetFile(path).read())


def _duckdb(path: Path) -> Iterator[bytes]:
    """Tables, comments and the text of views; views themselves read files scanned elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.duckdb"
        for suffix in ("", ".wal"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
                copy.with_name(copy.name + suffix).chmod(0o600)
        with duckdb.connect(copy) as connection:
            for function in ("duckdb_views()", "duckdb_tables()", "duckdb_columns()"):
                yield from _table(connection.sql(f"select * from {function}").to_arrow_table())
            for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
                " where database_name = current_database()"
            ).fetchall():
                found = connection.sql(f'select columns(*)::varchar from "{schema}"."{name}"')
                yield from _table(found.to_arrow_table())


def _table(table: pa.Table) -> Iterator[bytes]:
    yield str(table.schema).encode()
    for column in table.columns:
        for value in column.unique().to_pylist() if _is_flat(column.type) else column.to_pylist():
            yield str(value).encode()


def _is_flat(kind: pa.DataType) -> bool:
    return not pa.types.is_nested(kind)
