"""Write the records of a delivered text as texts into a Parquet file.

Its columns are those of the text under their names in the contract, and three of ours:
where a record begins, and of one without shape its raw text and what is wrong with it.
Nothing is typed and nothing is left out: a record is a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sources.formats import (
    OWN_COLUMNS,
    CsvFormat,
    JsonFormat,
    NdjsonFormat,
    TextFormat,
)
from orchestration.sources.text_files.csv_records import csv_records, read_header
from orchestration.sources.text_files.faults import Fault, TextFileError
from orchestration.sources.text_files.json_records import (
    JsonArray,
    ObjectColumns,
    ndjson_records,
    top_key,
)
from orchestration.sources.text_files.lines import Lines, open_text
from orchestration.sources.text_files.records import Record

_TAKEN_NAMES = frozenset((*OWN_COLUMNS, "_reason", "_row", "file_row_number"))
"""Names of columns that stand beside the delivered ones when a row is typed or set aside."""

_ROWS_AT_ONCE = 1 << 14
_CHARACTERS_AT_ONCE = 32 << 20
"""Whichever is reached first is written: together they bound the memory of a read."""


@dataclass(frozen=True)
class TextReading:
    """What a text held."""

    records: int
    """Good and misshapen ones, as the reader found them."""
    columns: tuple[str, ...]
    """Names under which values were delivered, in the words of the contract where it has any."""
    unknown_keys: tuple[str, ...] = ()
    """Keys of objects that nobody asked for; their values were not kept."""
    offset: int = 0
    """Characters before the elements of an array."""


def read_text(
    path: Path, dialect: TextFormat, wanted: Sequence[str], destination: Path
) -> TextReading:
    """Write every record of a text as a row of texts to `destination`.

    `wanted` are the columns of the contract: what is taken out of objects. Raises
    TextFileError for a text of which nothing can be used; then `destination` is no file to
    read.
    """
    with open_text(path, dialect) as text:
        found = _open_records(text, dialect, wanted)
        written = _write(found.records, found.columns, destination)
    if found.objects is None:
        return TextReading(written, found.columns)
    delivered = ((name, dialect.names.get(name, name)) for name in found.columns)
    return TextReading(
        written,
        tuple(name for name, key in delivered if top_key(key) in found.objects.seen),
        tuple(sorted(found.objects.unknown)),
        0 if found.array is None else found.array.offset,
    )


def column_values(
    path: Path, dialect: TextFormat, wanted: Sequence[str], column: str
) -> Iterator[str | None]:
    """What every record has in one column of the contract, None also of a misshapen one.

    `wanted` as in `read_text`: whether a record has a shape depends on all of them. Nothing is
    written. Raises KeyError when there is no such column, and TextFileError.
    """
    with open_text(path, dialect) as text:
        found = _open_records(text, dialect, wanted)
        if column not in found.columns:
            raise KeyError(column)
        place = found.columns.index(column)
        for record in found.records:
            yield None if record.values is None else record.values[place]


@dataclass(frozen=True)
class _OpenRecords:
    """The records of an open text, and who finds them."""

    columns: tuple[str, ...]
    records: Iterator[Record]
    objects: ObjectColumns | None = None
    array: JsonArray | None = None


def _open_records(text: TextIO, dialect: TextFormat, wanted: Sequence[str]) -> _OpenRecords:
    columns = tuple(wanted)
    if isinstance(dialect, CsvFormat):
        lines = Lines(text, dialect.greatest_record)
        by_delivered = {delivered: name for name, delivered in dialect.names.items()}
        columns = tuple(by_delivered.get(name, name) for name in read_header(lines, dialect))
        _assert_usable(columns)
        return _OpenRecords(columns, csv_records(lines, dialect, len(columns)))
    if not text.read(1):
        if isinstance(dialect, NdjsonFormat) and dialect.may_be_empty:
            return _OpenRecords(columns, iter(()), ObjectColumns(()))
        raise TextFileError(Fault.EMPTY, "it has no bytes")
    text.seek(0)
    objects = ObjectColumns([dialect.names.get(name, name) for name in columns])
    if isinstance(dialect, JsonFormat):
        array = JsonArray(text, dialect)
        return _OpenRecords(columns, array.records(objects), objects, array)
    lines = Lines(text, dialect.greatest_record)
    return _OpenRecords(columns, ndjson_records(lines, dialect, objects), objects)


def _assert_usable(columns: Sequence[str]) -> None:
    taken = [name for name in columns if name.casefold() in _TAKEN_NAMES]
    if taken:
        raise TextFileError(
            Fault.BROKEN_HEADER, f"a column is named {taken[0]}, as one that landing adds"
        )
    if len({name.casefold() for name in columns}) != len(columns):
        raise TextFileError(Fault.BROKEN_HEADER, "two columns have one name in the contract")


def _write(records: Iterator[Record], columns: Sequence[str], destination: Path) -> int:
    schema = pa.schema(
        [
            *((name, pa.string()) for name in columns),
            ("_line", pa.int64()),
            ("_raw", pa.string()),
            ("_structure_reason", pa.string()),
        ]
    )
    written = 0
    with pq.ParquetWriter(destination, schema) as writer:
        for batch in _batches(records):
            writer.write_table(_table(batch, schema))
            written += len(batch)
    return written


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    characters = 0
    for record in records:
        batch.append(record)
        characters += record.size
        if len(batch) >= _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _table(batch: Sequence[Record], schema: pa.Schema) -> pa.Table:
    width = len(schema) - len(OWN_COLUMNS)
    nothing: list[str | None] = [None] * width
    values = zip(*(record.values or nothing for record in batch), strict=True)
    arrays = [pa.array(column, pa.string()) for column in values]
    arrays += [
        pa.array([record.line for record in batch], pa.int64()),
        pa.array([record.raw for record in batch], pa.string()),
        pa.array([record.misshapen for record in batch], pa.string()),
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
