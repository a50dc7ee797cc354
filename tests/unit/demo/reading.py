"""Read delivered files with other libraries than the ones that wrote them, as text."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd

from orchestration.demo.formats import Csv, Dialect, JsonArray, Parquet

_DAY_FIRST = r"^(\d\d)/(\d\d)/(\d{4})"


def read_file(path: Path, dialect: Dialect) -> pd.DataFrame:
    """A delivered file; every value a text, as a landing would read it first."""
    if isinstance(dialect, Parquet):
        return pd.read_parquet(path)
    content = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    text = content.decode(dialect.encoding).removeprefix("\ufeff")
    if isinstance(dialect, Csv):
        return _read_csv(text, dialect)
    if isinstance(dialect, JsonArray):
        return _as_texts(json.loads(text))
    return _as_texts([json.loads(line) for line in text.splitlines()])


def _read_csv(text: str, dialect: Csv) -> pd.DataFrame:
    import io

    frame = pd.read_csv(
        io.StringIO(text), sep=dialect.delimiter, dtype=str, keep_default_na=False, na_values=[]
    )
    if dialect.decimal_mark != ".":
        frame = frame.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
    if dialect.times == "day_first":
        frame = frame.replace(_DAY_FIRST, r"\3-\2-\1", regex=True)
    return frame


def _as_texts(records: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                name: value if isinstance(value, dict | list) else str(value)
                for name, value in r.items()
            }
            for r in records
        ]
    ).fillna("")
