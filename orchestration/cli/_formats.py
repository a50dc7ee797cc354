"""Rows of a query as CSV, JSON or a table.

CSV is written for spreadsheets: a text cell that one would run as a formula gets an
apostrophe before it. JSON keeps every digit of a decimal. Where the rows come from is
not known here.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from math import isfinite
from typing import IO, TYPE_CHECKING, Any

from orchestration.cli._terminal import console, printable

if TYPE_CHECKING:
    from rich.console import Console

# What spreadsheets take for the start of a formula, also in its full-width form.
_FORMULA_STARTS = frozenset("=+-@\t\r\n\0＝＋－＠")  # noqa: RUF001 (full-width signs are the point)
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*\)|DOUBLE|FLOAT")


_GAP = 2
_WRAPPED = 30
"""Text longer than this is broken into lines rather than widening its column."""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def neutralised(text: str) -> str:
    """The text, harmless for a spreadsheet that opens it."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS and text else text


def write_csv(
    out: IO[str],
    names: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    raw: bool = False,
) -> int:
    """Write a header and rows with `\\n` line ends; NULL is empty. Returns the rows written.

    Cells that are text are neutralised unless `raw`; numbers and dates never are.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name if raw else neutralised(name) for name in names])
    written = 0
    for row in rows:
        writer.writerow([_csv_cell(value, raw=raw) for value in row])
        written += 1
    return written


def write_json(out: IO[str], names: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write an array with one object a line; a name that repeats gets a number."""
    keys = [json.dumps(name, ensure_ascii=False) for name in _told_apart(names)]
    written = 0
    out.write("[")
    for row in rows:
        out.write(",\n " if written else "\n ")
        cells = ", ".join(
            f"{key}: {_json_cell(value)}" for key, value in zip(keys, row, strict=True)
        )
        out.write("{" + cells + "}")
        written += 1
    out.write("\n]\n" if written else "]\n")
    return written


def write_table(
    names: Sequence[str],
    types: Sequence[str],
    rows: Iterator[Sequence[object]],
    limit: int,
) -> tuple[int, bool]:
    """Write a table of at most `limit` rows (0: all). Returns rows written and whether more are.

    Rows that are too wide for the terminal are written one under another, a line for each
    column. Text that could steer the terminal is escaped.
    """
    shown = [[_table_cell(value) for value in row] for row in _at_most(rows, limit)]
    titles = [printable(name) for name in names]
    widths = [
        max(len(title), *(len(row[place]) for row in shown), 1) if shown else len(title)
        for place, title in enumerate(titles)
    ]
    target = console()
    room = target.width - _GAP * len(widths)
    if sum(min(width, _WRAPPED) for width in widths) > room and shown:
        _write_records(target, titles, shown)
    else:
        _write_grid(target, titles, types, shown, widths)
    return len(shown), bool(limit) and next(rows, None) is not None


def _at_most(rows: Iterator[Sequence[object]], limit: int) -> Iterator[Sequence[object]]:
    return islice(rows, limit) if limit else rows


def _write_grid(
    target: "Console",
    titles: Sequence[str],
    types: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for title, kind, width in zip(titles, types, widths, strict=True):
        table.add_column(
            Text(title),
            justify="right" if _NUMBER.fullmatch(kind.upper()) else "left",
            overflow="fold",
            min_width=min(width, _WRAPPED),
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    target.print(table)


def _write_records(target: "Console", titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    for number, row in enumerate(rows, start=1):
        record = Table.grid(padding=(0, 2, 0, 0))
        record.add_column(no_wrap=True)
        record.add_column(overflow="fold")
        record.add_row(Text(f"row {number}", style="dim"), "")
        for title, cell in zip(titles, row, strict=True):
            record.add_row(Text(title, style="bold"), Text(cell))
        target.print(record)


def _csv_cell(value: object, *, raw: bool) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, float | Decimal):
        return _plain(value)
    text = _as_text(value)
    if raw or isinstance(value, date | time):
        return text
    return neutralised(text)


def _json_cell(value: object) -> str:
    if isinstance(value, Decimal) or (isinstance(value, float) and not isfinite(value)):
        # A decimal as a number with all of its digits; what JSON cannot say is null.
        return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else "null"
    if isinstance(value, Mapping):
        inner = (
            f"{json.dumps(str(key), ensure_ascii=False)}: {_json_cell(item)}"
            for key, item in value.items()
        )
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_json_cell(item) for item in value) + "]"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(_as_text(value), ensure_ascii=False)


def _table_cell(value: object) -> str:
    if value is None:
        return "·"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        return _plain(value)
    return printable(_as_text(value))


def _plain(value: float | Decimal) -> str:
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, Mapping | list | tuple):
        return _json_cell(value)
    return str(value)


def _told_apart(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return told
