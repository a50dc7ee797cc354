"""File formats and dialects: how rows become the bytes of a file.

CSV with its delimiters, encodings and decimal marks, newline-delimited JSON, JSON arrays,
Parquet, and gzip around the texts. Texts are put together here, byte for byte, so that no
library's writer decides how they look. The bytes of gzip and Parquet depend on the versions
of zlib and pyarrow; what is promised for them is their content, and `content_hash` is of
that. Which feed speaks which dialect belongs to `channels`.
"""

import gzip
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.demo.columns import Column, Rows, joined, json_object

_ROWS_OF_TEXT = 200_000
"""Rows put together at once: an Arrow text array holds two gigabytes at most."""


@dataclass(frozen=True)
class Csv:
    """Delimited text. Texts are quoted where they must be, or always."""

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal_mark: str = "."
    times: Literal["iso", "plain", "day_first"] = "iso"
    is_quoted: bool = False
    has_byte_order_mark: bool = False
    has_carriage_return: bool = False
    is_gzipped: bool = False

    @property
    def extension(self) -> str:
        return "csv.gz" if self.is_gzipped else "csv"

    def header(self, rows: Rows) -> str:
        mark = "\ufeff" if self.has_byte_order_mark else ""
        return mark + self.delimiter.join(rows.names()) + self._line_end

    def records(self, rows: Rows) -> Column:
        """One text a row, its line end included."""
        fields = [self._field(column) for column in rows.columns.values()]
        parts: list[Column | str] = [fields[0]]
        for field in fields[1:]:
            parts += [self.delimiter, field]
        return joined(*parts, self._line_end)

    @property
    def _line_end(self) -> str:
        return "\r\n" if self.has_carriage_return else "\n"

    def _field(self, column: Column) -> Column:
        kind = column.type
        if pa.types.is_string(kind):
            text = self._quoted(column)
        elif pa.types.is_timestamp(kind):
            text = self._time(column)
        elif pa.types.is_date(kind):
            text = column.cast(pa.string())
            text = _day_first(text) if self.times == "day_first" else text
        else:
            text = column.cast(pa.string())
            if pa.types.is_decimal(kind) and self.decimal_mark != ".":
                text = pc.replace_substring(text, ".", self.decimal_mark)
        return pc.fill_null(text, "")

    def _quoted(self, column: Column) -> Column:
        if self.is_quoted:
            return joined('"', pc.replace_substring(column, '"', '""'), '"')
        needs = pc.match_substring_regex(column, f'["\r\n{self.delimiter}]')
        if not pc.any(needs).as_py():
            return column
        return pc.if_else(needs, joined('"', pc.replace_substring(column, '"', '""'), '"'), column)

    def _time(self, column: Column) -> Column:
        text = column.cast(pa.timestamp("s"), safe=False).cast(pa.string())
        if self.times == "plain":
            return text
        if self.times == "day_first":
            clock = pc.utf8_slice_codeunits(text, start=10)
            return joined(_day_first(pc.utf8_slice_codeunits(text, start=0, stop=10)), clock)
        return joined(pc.replace_substring(text, " ", "T"), "Z")


def _day_first(text: Column) -> Column:
    year, month, day = (
        pc.utf8_slice_codeunits(text, start=start, stop=stop)
        for start, stop in ((0, 4), (5, 7), (8, 10))
    )
    return joined(day, "/", month, "/", year)


@dataclass(frozen=True)
class NewlineJson:
    """One JSON object a line. Empty values are left out, as event senders do."""

    is_gzipped: bool = False
    encoding: str = "utf-8"

    @property
    def extension(self) -> str:
        return "ndjson.gz" if self.is_gzipped else "ndjson"

    def header(self, rows: Rows) -> str:  # noqa: ARG002 - JSON names its columns in each record
        return ""

    def records(self, rows: Rows) -> Column:
        return joined(json_object(rows.columns, rows.json), "\n")


@dataclass(frozen=True)
class JsonArray:
    """One JSON array of objects a file."""

    is_gzipped: bool = False
    encoding: str = "utf-8"

    @property
    def extension(self) -> str:
        return "json.gz" if self.is_gzipped else "json"

    def header(self, rows: Rows) -> str:  # noqa: ARG002 - JSON names its columns in each record
        return ""

    def records(self, rows: Rows) -> Column:
        return json_object(rows.columns, rows.json)


@dataclass(frozen=True)
class Parquet:
    """Typed columns; JSON values are texts in it."""

    extension: str = "parquet"


TextDialect = Csv | NewlineJson | JsonArray
Dialect = TextDialect | Parquet


@dataclass(frozen=True)
class WrittenFile:
    """What became of a file: rows, bytes on disk, hash of its content."""

    rows: int
    bytes: int
    content_hash: str


class OpenFiles(ABC):
    """Files that are complete when it is left without an error, and closed in any case."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._open:
            if kind is None:
                self._finish()

    @abstractmethod
    def _finish(self) -> None: ...


class FileWriter(OpenFiles):
    """One file that is written block by block."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._rows = 0
        self._hash = hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, rows: Rows) -> None:
        """Append rows; the first block gives the header, also when it is empty."""
        for start in range(0, max(len(rows), 1), _ROWS_OF_TEXT):
            self._write(rows.slice(start, min(start + _ROWS_OF_TEXT, len(rows))))
        self._rows += len(rows)

    def result(self) -> WrittenFile:
        """What was written; call it after the file was left."""
        return WrittenFile(self._rows, self._path.stat().st_size, self._hash.hexdigest())

    @abstractmethod
    def _write(self, rows: Rows) -> None: ...

    def _finish(self) -> None:
        return


class TextWriter(FileWriter):
    """A file of text in one of the dialects."""

    def __init__(self, path: Path, dialect: TextDialect) -> None:
        super().__init__(path)
        self._dialect = dialect
        self._begun = False
        handle: IO[bytes] = self._open.enter_context(path.open("wb"))
        if dialect.is_gzipped:
            zipped: Any = gzip.GzipFile(
                filename="", mode="wb", compresslevel=4, fileobj=handle, mtime=0
            )
            handle = self._open.enter_context(zipped)
        self._handle = handle

    def _write(self, rows: Rows) -> None:
        if not self._begun:
            self._put(self._dialect.header(rows))
        if isinstance(self._dialect, JsonArray):
            self._write_members(rows)
        elif len(rows):
            self._put_encoded(bytes_of(self._dialect.records(rows)))
        self._begun = True

    def _write_members(self, rows: Rows) -> None:
        if not self._begun:
            self._put("[")
        if len(rows):
            members = bytes_of(joined(",\n", self._dialect.records(rows)))
            self._put_encoded(members if self._rows else members[1:])

    def _finish(self) -> None:
        if isinstance(self._dialect, JsonArray):
            self._put("\n]\n" if self._begun else "[]\n")

    def _put(self, text: str) -> None:
        self._put_encoded(text.encode("utf-8"))

    def _put_encoded(self, content: bytes) -> None:
        if self._dialect.encoding != "utf-8":
            content = content.decode("utf-8").encode(self._dialect.encoding)
        self._hash.update(content)
        self._handle.write(content)


class ParquetWriter(FileWriter):
    """A Parquet file, one row group a block."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer: Any = None

    def _write(self, rows: Rows) -> None:
        table = pa.table(dict(rows.columns))
        if self._writer is None:
            self._hash.update(repr([(f.name, str(f.type)) for f in table.schema]).encode())
            self._writer = self._open.enter_context(
                pq.ParquetWriter(self._path, table.schema, compression="zstd")
            )
        for column in rows.columns.values():
            for part in logical_bytes(column):
                self._hash.update(part)
        self._writer.write_table(table)


def open_writer(path: Path, dialect: Dialect) -> FileWriter:
    """A writer of that dialect."""
    return ParquetWriter(path) if isinstance(dialect, Parquet) else TextWriter(path, dialect)


def bytes_of(text: Column) -> bytes:
    """All texts of an array behind each other."""
    return b"".join(bytes(part) for part in _text_buffers(text))


def _text_buffers(text: Column) -> Iterator[memoryview]:
    _, offsets, data = text.buffers()
    if data is not None:
        ends = np.frombuffer(offsets, dtype=np.int32)
        yield memoryview(data)[ends[text.offset] : ends[text.offset + len(text)]]


def logical_bytes(column: Column) -> Iterator[bytes]:
    """What a column says, whatever its buffers look like."""
    yield np.packbits(pc.is_null(column).to_numpy(zero_copy_only=False)).tobytes()
    if pa.types.is_string(column.type):
        filled = pc.fill_null(column, "")
        yield pc.binary_length(filled).to_numpy(zero_copy_only=False).tobytes()
        yield bytes_of(filled)
    elif pa.types.is_decimal(column.type):
        yield bytes_of(pc.fill_null(column.cast(pa.string()), ""))
    elif pa.types.is_boolean(column.type):
        yield np.packbits(pc.fill_null(column, False).to_numpy(zero_copy_only=False)).tobytes()  # noqa: FBT003
    else:
        kind = pa.int32() if pa.types.is_date(column.type) else pa.int64()
        yield pc.fill_null(column.cast(kind), 0).to_numpy().tobytes()
