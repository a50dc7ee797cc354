"""One record of a text, as a reader of its kind hands it on.

A shape only. How records are found is `csv_records` and `json_records`, what becomes of
them is `reading`.
"""

from typing import NamedTuple

from orchestration.sources.text_files.faults import Misshapen


class Record(NamedTuple):
    """A record with its values in the order of the columns, or with what is wrong with it."""

    line: int
    """Where it begins; the first line of a file is 1."""
    size: int
    """Characters that it holds in memory, about."""
    values: list[str | None] | None
    misshapen: Misshapen | None = None
    raw: str | None = None
    """Only of a misshapen record, and no more of it than a record may be long."""


def bad_record(line: int, problem: Misshapen, raw: str) -> Record:
    """A record of which nothing but its text is known."""
    return Record(line, len(raw), None, problem, raw)
