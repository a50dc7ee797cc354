"""Read bytes as a delivered text and look at every row."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from orchestration.sources.formats import TextFormat
from orchestration.sources.text_files.count import count_records
from orchestration.sources.text_files.reading import TextReading, read_text


class ReadRows:
    """The rows of a text, and that the other count agrees with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: TextReading | None = None
        self.counted = 0

    def __call__(
        self, data: bytes, dialect: TextFormat, wanted: tuple[str, ...] = ("a", "b")
    ) -> list[dict[str, Any]]:
        path = self.folder / f"delivered{dialect.suffix}"
        path.write_bytes(data)
        destination = self.folder / "readable.parquet"
        self.last = read_text(path, dialect, wanted, destination)
        rows = pq.read_table(destination).to_pylist()
        self.counted = count_records(path, dialect, self.last.offset)
        assert self.last.records == len(rows)
        assert self.counted == len(rows)
        return rows


@pytest.fixture
def read_rows(tmp_path: Path) -> ReadRows:
    return ReadRows(tmp_path)


def values(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The values of the rows that have a shape."""
    return [
        tuple(value for name, value in row.items() if not name.startswith("_"))
        for row in rows
        if row["_structure_reason"] is None
    ]


def misshapen(rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """(line, reason) of the rows that have none."""
    return [(row["_line"], row["_structure_reason"]) for row in rows if row["_structure_reason"]]
