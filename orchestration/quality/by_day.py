"""Shares and row counts that have to hold on every day of a range, in one grouped scan.

A range of days is judged as one table, and a share over a year forgives a bad day. What a
suite allows as a share of the rows, or says about how many there are, is therefore counted
by day as well, in one statement. Rules that hold for a range exactly when they hold for
each of its days (a value, a key) need no second look, and a measure groups by day itself
where it means a day. What a failing day leads to is decided elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.quality.database import quoted
from orchestration.quality.expectation_types import ROW_TYPES
from orchestration.quality.expectations_sql import ROUNDING, unexpected_condition

if TYPE_CHECKING:
    from orchestration.quality.suites import Expectation

ROW_COUNT_TYPES = ("expect_table_row_count_to_be_between", "expect_table_row_count_to_equal")
"""Asked of each day alone: a year has more rows than a day may have."""

_NULL_TYPES = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null")
_SHARE_TYPES = ("expect_share_of_rows_to_be_at_most", "expect_orphan_share_to_be_at_most")
_PROPORTION_TYPES = (
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
)


@dataclass(frozen=True)
class Days:
    """Where the judged rows lie with their day, and which days are judged.

    A day without rows is judged too: nothing was delivered for it.
    """

    schema: str
    table: str
    column: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class DayRule:
    """What may be counted of one day: rows that take part, and those that break the rule."""

    counted: str
    unexpected: str
    max_share: float
    or_rows: int

    def holds(self, rows: int, unexpected: int) -> bool:
        """Whether `unexpected` of the day's `rows` are few enough."""
        return unexpected <= max(float(self.or_rows), self.max_share * rows) + ROUNDING


@dataclass(frozen=True)
class RowCountRule:
    """How many rows a day has; limits are inclusive."""

    min_rows: float | None
    max_rows: float | None

    def holds(self, rows: int) -> bool:
        return (self.min_rows is None or rows >= self.min_rows) and (
            self.max_rows is None or rows <= self.max_rows
        )


@dataclass(frozen=True)
class DayCount:
    """One expectation on one day."""

    day: str
    rows: int
    unexpected: int
    holds: bool


def forgives_rows(expectation: "Expectation") -> bool:
    """Whether an expectation tolerates a share of bad rows, which many good days may hide."""
    kwargs = expectation.kwargs
    if expectation.type in _SHARE_TYPES:
        return float(kwargs.get("max_share", 0)) > 0
    if expectation.type in _PROPORTION_TYPES:
        return True
    is_by_row = expectation.type in (*ROW_TYPES, "expect_column_values_to_match_pattern")
    return is_by_row and float(kwargs.get("mostly", 1)) < 1


def day_rule(expectation: "Expectation") -> DayRule | RowCountRule | None:
    """The rule of an expectation for one day; None when a day needs no rule or has none.

    The answer for a day is the one that the expectation gives when that day is asked alone.
    """
    kwargs = expectation.kwargs
    if expectation.type == "expect_table_row_count_to_be_between":
        return RowCountRule(kwargs.get("min_value"), kwargs.get("max_value"))
    if expectation.type == "expect_table_row_count_to_equal":
        return RowCountRule(kwargs["value"], kwargs["value"])
    if not forgives_rows(expectation):
        return None
    if expectation.type == "expect_share_of_rows_to_be_at_most":
        return DayRule(
            "true",
            kwargs["condition"],
            float(kwargs["max_share"]),
            int(kwargs.get("or_rows", 0)),
        )
    condition = unexpected_condition(expectation.type, kwargs)
    if condition is None:
        return None
    # Great Expectations leaves NULL out of every share except that of NULLs.
    present = f"{quoted(kwargs['column'])} is not null"
    counted = "true" if expectation.type in _NULL_TYPES else present
    return DayRule(counted, condition, 1 - float(kwargs["mostly"]), 0)


def day_statement(rules: Sequence[DayRule | RowCountRule], days: Days) -> str:
    """One row per day that has rows: the day, its rows, then two counts for each rule."""
    flags, counts = [], []
    for number, rule in enumerate(rules):
        counted, unexpected = (
            (rule.counted, rule.unexpected) if isinstance(rule, DayRule) else ("true", "false")
        )
        flags += [f"({counted}) as counted_{number}", f"({unexpected}) as unexpected_{number}"]
        counts.append(f"count(*) filter (where counted_{number})")
        counts.append(f"count(*) filter (where unexpected_{number})")
    return (
        f"select {', '.join(['cast(_day as varchar)', 'count(*)', *counts])} from"
        f" (select {', '.join([f'{quoted(days.column)} as _day', *flags])}"
        f" from {quoted(days.schema, days.table)} as judged) group by _day"
    )


def count_days(
    rules: Sequence[DayRule | RowCountRule], days: Days, rows: Sequence[Sequence[object]]
) -> tuple[tuple[DayCount, ...], ...]:
    """What each rule says of each day, from the rows that `day_statement` returned."""
    found = {str(row[0]): [int(str(number)) for number in row[1:]] for row in rows}
    answers: list[tuple[DayCount, ...]] = []
    for number, rule in enumerate(rules):
        counts = []
        for day in days.names:
            numbers = found.get(day, [0] * (1 + 2 * len(rules)))
            if isinstance(rule, RowCountRule):
                counts.append(DayCount(day, numbers[0], 0, rule.holds(numbers[0])))
            else:
                counted, unexpected = numbers[1 + 2 * number], numbers[2 + 2 * number]
                held = rule.holds(counted, unexpected)
                counts.append(DayCount(day, counted, unexpected, held))
        answers.append(tuple(counts))
    return tuple(answers)
