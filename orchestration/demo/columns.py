"""Columns of a delivered table, built many rows at a time.

Arrow arrays out of NumPy numbers: texts joined without a loop, money as exact decimals,
times as microseconds. How a column looks in a file belongs to `formats`, which columns a
table has to `channels`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.demo.positions import column_at
from orchestration.demo.random_numbers import Bools, Ints, Words

Column: TypeAlias = Any
"""An Arrow array; pyarrow ships without types."""

MONEY = pa.decimal128(18, 2)
_MICROSECONDS = 1_000_000
_HEX_BYTES = pa.array([f"{byte:02x}" for byte in range(256)])


@dataclass(frozen=True)
class Rows:
    """Rows of one entity, ordered by the day that they are delivered for.

    `lateness`: how many days after its day a row first appears in a delivery; without it
    every row is there at once. `json` names text columns that hold a JSON value. `as_of`: the
    day of a snapshot, which has one also when it holds nothing.
    """

    columns: Mapping[str, Column]
    day: Ints
    json: frozenset[str] = frozenset()
    lateness: Ints | None = field(default=None)
    as_of: int | None = None

    @classmethod
    def of_snapshot(cls, columns: Mapping[str, Column], as_of: int) -> "Rows":
        """A whole entity as it is at the end of a day."""
        count = len(next(iter(columns.values())))
        return cls(columns, np.full(count, as_of), as_of=as_of)

    def __len__(self) -> int:
        return len(self.day)

    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def slice(self, start: int, stop: int) -> "Rows":
        """Rows from `start` to before `stop`, without copying."""
        return replace(
            self,
            columns={name: c.slice(start, stop - start) for name, c in self.columns.items()},
            day=self.day[start:stop],
            lateness=None if self.lateness is None else self.lateness[start:stop],
        )

    def take(self, positions: Ints) -> "Rows":
        """Rows at these positions, in this order."""
        return replace(
            self,
            columns={name: c.take(pa.array(positions)) for name, c in self.columns.items()},
            day=self.day[positions],
            lateness=None if self.lateness is None else self.lateness[positions],
        )

    def where(self, kept: Bools) -> "Rows":
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def ordered_by(self, *keys: Ints) -> "Rows":
        """Rows ordered by day, then by `keys`."""
        return self.take(np.lexsort((*reversed(keys), self.day)))

    def with_columns(self, columns: Mapping[str, Column]) -> "Rows":
        return replace(self, columns={**self.columns, **columns})


def texts(values: Sequence[str | None]) -> Column:
    """A list of texts; take from it by position."""
    return pa.array(values, pa.string())


def chosen(values: Sequence[str | None], positions: Ints) -> Column:
    """`values` at each position, empty at -1."""
    return column_at(texts(values), positions)


def whole(values: Ints, present: Bools | None = None) -> Column:
    """Whole numbers, empty where not `present`."""
    return pa.array(values, pa.int64(), mask=None if present is None else ~present)


def flags(values: Bools) -> Column:
    """True and false."""
    return pa.array(values, pa.bool_())


def digits(values: Ints, width: int = 0) -> Column:
    """Numbers as text, with leading zeros up to `width`."""
    text = pa.array(values, pa.int64()).cast(pa.string())
    return pc.utf8_lpad(text, width, "0") if width else text


def constant(value: str | None, count: int) -> Column:
    """The same text in every row."""
    return pa.array([value], pa.string()).take(pa.array(np.zeros(count, dtype=np.int64)))


def joined(*parts: Column | str) -> Column:
    """Texts put together; a row with an empty part is empty."""
    arrays = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*arrays, "")


def only(column: Column, present: Bools) -> Column:
    """The column, empty where not `present`."""
    return pc.if_else(pa.array(present), column, pa.scalar(None, column.type))


def either(condition: Bools, yes: Column | str, no: Column | str) -> Column:
    """`yes` where the condition holds, else `no`."""
    parts = [pa.scalar(part) if isinstance(part, str) else part for part in (yes, no)]
    return pc.if_else(pa.array(condition), *parts)


def first_of(*columns: Column) -> Column:
    """The first that is not empty."""
    return pc.coalesce(*columns)


def cents(values: Ints, present: Bools | None = None) -> Column:
    """Money as exact decimals from whole cents."""
    column = decimals(values, MONEY)
    return column if present is None else only(column, present)


def decimals(units: Ints, kind: Any) -> Column:
    """Exact decimals of a decimal type from whole numbers of its last place."""
    wide = np.empty((len(units), 2), dtype="<i8")
    wide[:, 0] = units
    wide[:, 1] = units >> 63
    return pa.Array.from_buffers(kind, len(units), [None, pa.py_buffer(wide.tobytes())])


def seconds(values: Ints, present: Bools | None = None) -> Column:
    """UTC times from whole seconds since 1970."""
    return microseconds(values * _MICROSECONDS, present)


def microseconds(values: Ints, present: Bools | None = None) -> Column:
    """UTC times from whole microseconds since 1970."""
    column = pa.array(values, pa.timestamp("us"))
    return column if present is None else only(column, present)


def dates(days_since_1970: Ints, present: Bools | None = None) -> Column:
    """Dates from whole days since 1970."""
    column = pa.array(days_since_1970.astype(np.int32), pa.int32()).cast(pa.date32())
    return column if present is None else only(column, present)


def iso_times(values: Ints) -> Column:
    """UTC times as `2017-03-01T09:30:00Z` from whole seconds."""
    text = pa.array(values, pa.timestamp("s")).cast(pa.string())
    return joined(pc.replace_substring(text, " ", "T"), "Z")


def local_times(values: Ints) -> Column:
    """Wall clock times as text: they are no moments, so they are no timestamps."""
    return pa.array(values, pa.timestamp("s")).cast(pa.string())


def hexadecimal(*words: Words) -> Column:
    """Opaque identifiers: 16 hexadecimal digits a word."""
    return joined(*(part for word in words for part in _hex_parts(word)))


def _hex_parts(word: Words) -> list[Column]:
    shifts = range(56, -8, -8)
    return [
        _HEX_BYTES.take(pa.array(((word >> np.uint64(s)) & np.uint64(255)).astype(np.int64)))
        for s in shifts
    ]


def json_text(column: Column) -> Column:
    """A column as JSON values; empty stays empty."""
    kind = column.type
    if pa.types.is_string(kind):
        return joined('"', json_escaped(column), '"')
    if pa.types.is_timestamp(kind):
        text = pc.replace_substring(
            column.cast(pa.timestamp("ms"), safe=False).cast(pa.string()), " ", "T"
        )
        return joined('"', text, 'Z"')
    if pa.types.is_date(kind):
        return joined('"', column.cast(pa.string()), '"')
    if pa.types.is_decimal(kind):  # a text, as shops send it: a JSON number would be read as float
        return joined('"', column.cast(pa.string()), '"')
    return column.cast(pa.string())


def json_escaped(column: Column) -> Column:
    """Texts with the two characters escaped that end a JSON text early."""
    if not pc.any(pc.match_substring_regex(column, r'[\\"]')).as_py():
        return column
    return pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '\\"')


def json_object(parts: Mapping[str, Column], raw: frozenset[str] = frozenset()) -> Column:
    """One JSON object a row, without its empty parts."""
    pieces = []
    for name, column in parts.items():
        value = column if name in raw else json_text(column)
        pieces.append(pc.coalesce(joined(f',"{name}":', value), pa.scalar("")))
    inner = pc.utf8_slice_codeunits(joined(*pieces), start=1)
    return joined("{", inner, "}")
