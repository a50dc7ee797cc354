"""Make a delivered file one that the engine reads.

A Parquet file is one already. A text is read by its declared dialect into a Parquet file of
texts, in the scratch folder of its candidate: it holds raw identifiers, so it lies nowhere
else and goes with that folder. Reading belongs to `orchestration.sources.text_files`, typing
to `text_values`.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from orchestration.landing.contract import EntityContract
from orchestration.sources.formats import CsvFormat, FileFormat, ParquetFormat, TextFormat
from orchestration.sources.names import shown
from orchestration.sources.text_files.count import count_records
from orchestration.sources.text_files.reading import TextReading, read_text

_GZIP_EXPANDS = 10
"""Receipts and events of the synthetic retailer compress six- to tenfold (2026-11-26)."""


@dataclass(frozen=True)
class Readable:
    """A file for the engine, and what reading it found out."""

    path: Path
    dialect: TextFormat | None = None
    """None: the file is the delivered one and brings its own types."""
    records: int | None = None
    """Of a text, counted by another way than the one that read it."""
    rows: int | None = None
    """Of a text, as it was read."""
    never_delivered: frozenset[str] = frozenset()
    """Required columns that no object of a text has."""
    unknown_keys: frozenset[str] = frozenset()
    """Keys of objects that the contract does not name."""


def expanded_bytes(path: Path, declared: FileFormat) -> int:
    """About what a delivered file takes once it is read."""
    size = path.stat().st_size
    if isinstance(declared, ParquetFormat) or declared.compression == "none":
        return size
    return _GZIP_EXPANDS * size


def make_readable(
    path: Path, declared: FileFormat, contract: EntityContract, scratch: Path
) -> Readable:
    """Read a text into `scratch`; hand on a file that is no text.

    Raises TextFileError for a text of which nothing can be used.
    """
    if isinstance(declared, ParquetFormat):
        return Readable(path)
    readable = scratch / "readable.parquet"
    reading = read_text(path, declared, [column.name for column in contract.columns], readable)
    return Readable(
        readable,
        declared,
        count_records(path, declared, reading.offset),
        reading.records,
        _never_delivered(declared, contract, reading),
        frozenset(reading.unknown_keys),
    )


def left_out(columns: AbstractSet[str], keys: AbstractSet[str]) -> list[str]:
    """What to warn of: columns and keys that came and that the contract does not name.

    Objects may have as many keys as they please, so these share one warning.
    """
    warnings = [
        f"column {shown([name])} is not in the contract and was left out"
        for name in sorted(columns)
    ]
    if keys:
        is_one = len(keys) == 1
        warnings.append(
            f"{'1 key is' if is_one else f'{len(keys):,} keys are'} not in the contract and "
            f"{'was' if is_one else 'were'} left out: {shown(sorted(keys))}"
        )
    return warnings


def _never_delivered(
    declared: TextFormat, contract: EntityContract, reading: TextReading
) -> frozenset[str]:
    """Objects may leave out what is empty, so only a required key is missed.

    A header names every column, and those are compared where all columns are.
    """
    if isinstance(declared, CsvFormat) or not (reading.columns or reading.unknown_keys):
        return frozenset()
    required = {column.name for column in contract.columns if not column.nullable}
    return frozenset(required - set(reading.columns))
