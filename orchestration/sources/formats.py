"""How a source writes its files: the `format` of an entity in `defs.yaml`.

Models only. A dialect is declared and never guessed: a guess that is wrong once loads the
file into one column, swaps day and month, or drops an offset, and says nothing (measured
with three engines, 2026-11). Reading by it belongs to `text_files`, typing to
`orchestration.landing`.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

OWN_COLUMNS = ("_line", "_raw", "_structure_reason")
"""What a reader adds to the columns of a text: no delivered column may have such a name."""

_DIRECTIVES = {
    "Y": r"[0-9]{4}",
    "m": r"(?:0?[1-9]|1[0-2])",
    "d": r"(?:0?[1-9]|[12][0-9]|3[01])",
    "H": r"(?:[01]?[0-9]|2[0-3])",
    "M": r"[0-5][0-9]",
    "S": r"[0-5][0-9]",
    "f": r"[0-9]{1,6}",
    "z": r"(?:[+-](?:0[0-9]|1[0-3]):?[0-5][0-9]|[+-]14:?00)",
}
"""What each part of a format may look like. Two-digit years and names of months, which depend
on a century or a language nobody declared, are not among them."""

_FULL_WIDTH = {
    "m": r"(?:0[1-9]|1[0-2])",
    "d": r"(?:0[1-9]|[12][0-9]|3[01])",
    "H": r"(?:[01][0-9]|2[0-3])",
    "f": r"[0-9]{6}",
}
"""Of a part that touches another one: `%d%m%Y` would else read 1112017 as one of two days."""

_ISO_ZONE = r"Z|[+-](?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|[+-]14(?::?00)?"
ISO_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
ISO_TIMESTAMP = (
    ISO_DATE + r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    rf"(?:{_ISO_ZONE})?"
)
ISO_OFFSET = rf"(?:{_ISO_ZONE})$"

_LARGEST_RECORD = 64 << 20

_CLOCKS_FROM, _CLOCKS_UNTIL = dt.date(2, 1, 1), dt.date(9998, 12, 30)
"""Beyond them the date on another clock may lie outside what Python calls a date."""


def format_pattern(written: str) -> str:
    """Regular expression that a value written in a format matches as a whole."""
    parts = re.split(r"%(.)", written)
    last = len(parts) - 2
    pattern = re.escape(parts[0])
    for place in range(1, len(parts), 2):
        touches_before = place > 1 and not parts[place - 1]
        touches_after = place < last and not parts[place + 1]
        part = parts[place]
        of_part = _DIRECTIVES[part]
        if touches_before or touches_after:
            of_part = _FULL_WIDTH.get(part, of_part)
        pattern += of_part + re.escape(parts[place + 1])
    return pattern


def _format_of(needed: str, allowed: str) -> AfterValidator:
    def check(written: str) -> str:
        named = re.findall(r"%(.)", written, re.DOTALL)
        if written.count("%") != len(named):
            raise ValueError(f"{written!r} has a % that names no part")
        if re.search("[0-9]", written):
            raise ValueError(f"{written!r} has a digit, which could be one of a part beside it")
        if len(set(named)) != len(named):
            raise ValueError(f"{written!r} names a part twice")
        wrong = [f"%{part}" for part in named if part not in allowed]
        if wrong:
            raise ValueError(
                f"{written!r} has {', '.join(wrong)}; allowed are "
                + ", ".join(f"%{part}" for part in allowed)
            )
        missing = [f"%{part}" for part in needed if part not in named]
        if missing:
            raise ValueError(f"{written!r} lacks {', '.join(missing)}")
        return written

    return AfterValidator(check)


_MACHINE_ZONES = re.compile(r"(?:posix|right)/.*|localtime|posixrules|Factory", re.IGNORECASE)
"""Files beside the zones: other clocks on other machines, or unknown to the engine."""


def _zone(name: str) -> str:
    if _MACHINE_ZONES.fullmatch(name):
        raise ValueError(f"{name!r} is not an IANA time zone")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone") from error
    return name


ZoneName = Annotated[str, AfterValidator(_zone)]
"""A time zone that is the same on every machine and for every engine."""


def _one_character(text: str) -> str:
    if len(text) != 1 or text in "\r\n\0" or text.isalnum():
        raise ValueError("must be one character, and no letter, digit, line end or NUL")
    return text


Character = Annotated[str, AfterValidator(_one_character)]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TimeFormat(_Declared):
    """How dates and timestamps are written, and what their clock is."""

    date: Annotated[str, _format_of("Ymd", "Ymd")] = Field(
        default="%Y-%m-%d", description="As in strptime, `%d/%m/%Y` for day first."
    )
    timestamp: Annotated[str, _format_of("YmdHM", "YmdHMSfz")] | None = Field(
        default=None, description="As in strptime; empty: ISO 8601, with or without an offset."
    )
    time_zone: ZoneName = Field(
        default="UTC", description="IANA zone of timestamps that carry no offset."
    )
    earliest: dt.date = Field(
        default=dt.date(1900, 1, 1), description="A date or a UTC moment before it is implausible."
    )
    latest: dt.date = Field(
        default=dt.date(2199, 12, 31),
        description="The last plausible one; where 9999-12-31 means for ever, it is said here.",
    )
    on_gap: Literal["quarantine", "shift"] = Field(
        default="quarantine",
        description="A local time that the clock skipped; shift: later by what was skipped.",
    )
    on_overlap: Literal["quarantine", "earlier", "later"] = Field(
        default="quarantine", description="A local time that the clock showed twice."
    )

    @property
    def date_pattern(self) -> str:
        """Regular expression that a date matches as a whole."""
        return ISO_DATE if self.date == "%Y-%m-%d" else format_pattern(self.date)

    @model_validator(mode="after")
    def _window_is_one(self) -> Self:
        if self.earliest > self.latest:
            raise ValueError("`earliest` is later than `latest`")
        return self

    @property
    def moments_from(self) -> dt.datetime:
        """The first plausible UTC moment, naive."""
        return dt.datetime.combine(max(self.earliest, _CLOCKS_FROM), dt.time.min)

    @property
    def moments_before(self) -> dt.datetime:
        """The UTC moment, naive, at which plausible ones have ended."""
        last = min(self.latest, _CLOCKS_UNTIL)
        return dt.datetime.combine(last, dt.time.min) + dt.timedelta(days=1)


class BooleanWords(_Declared):
    """How a boolean is written; capitals do not count."""

    # `true` would be no name: in YAML it is a key of another type.
    true_words: tuple[str, ...] = Field(default=("true",), min_length=1)
    false_words: tuple[str, ...] = Field(default=("false",), min_length=1)

    @field_validator("true_words", "false_words")
    @classmethod
    def _without_capitals(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [word for word in words if not word.isascii()]
        if wrong:
            raise ValueError(f"{', '.join(map(repr, wrong))}: only ASCII has capitals for sure")
        return tuple(word.lower() for word in words)

    @model_validator(mode="after")
    def _no_word_is_both(self) -> Self:
        both = sorted({*self.true_words} & {*self.false_words})
        if both:
            raise ValueError(f"{', '.join(map(repr, both))} means both true and false")
        return self


class ParquetFormat(_Declared):
    """Parquet: names and types are in the file."""

    kind: Literal["parquet"] = "parquet"

    @property
    def suffix(self) -> str:
        return ".parquet"

    @property
    def other_suffix(self) -> str | None:
        """Suffix of the same kind, compressed the other way."""
        return None


class _TextFormat(_Declared):
    """What all texts have in common."""

    kind: str
    compression: Literal["none", "gzip"] = "none"
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1"] = Field(
        default="utf-8",
        description="Strict. utf-8 with or without a byte order mark, utf-16 only with one.",
    )
    names: dict[str, str] = Field(
        default_factory=dict,
        description="Column of the contract -> name in the file, where the two differ.",
    )
    time: TimeFormat = Field(default=TimeFormat(), description="Of all columns not in `time_of`.")
    time_of: dict[str, TimeFormat] = Field(
        default_factory=dict, description="Of single columns, by their names in the contract."
    )
    booleans: BooleanWords = Field(
        default=BooleanWords(), description="Any other word is unreadable; `yes` is no guess."
    )
    may_be_empty: bool | None = Field(
        default=None,
        description="Whether a text without records is a delivery; empty: of a day, not of a "
        "snapshot. True: so is NDJSON of no bytes.",
    )
    greatest_record: int = Field(
        default=1 << 20,
        ge=1 << 10,
        le=_LARGEST_RECORD,
        description="Characters; a longer record is set aside and bounds the memory of a read.",
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len(set(self.names.values())) != len(self.names):
            raise ValueError("`names` gives one name of the file to two columns")
        return self

    @property
    def suffix(self) -> str:
        """How the name of a delivered file ends."""
        return f".{self.kind}{'.gz' if self.compression == 'gzip' else ''}"

    @property
    def other_suffix(self) -> str | None:
        """Suffix of the same kind, compressed the other way."""
        return f".{self.kind}{'' if self.compression == 'gzip' else '.gz'}"

    @property
    def decimal(self) -> str:
        """Mark between the whole and the fraction of a number."""
        return "."

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits: another dialect reads other rows from the same bytes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def misplaced(self, types: Mapping[str, str]) -> tuple[str, ...]:
        """What is declared of columns that a contract has not, or has with another type.

        `types`: the contract's columns and their types.
        """
        found = [
            f"`names.{column}`, and it has no such column"
            for column in self.names
            if column not in types
        ]
        for column in self.time_of:
            if column not in types:
                found.append(f"`time_of.{column}`, and it has no such column")
            elif types[column].strip().lower() not in ("date", "timestamp"):
                found.append(f"`time_of.{column}`, and that is neither a date nor a timestamp")
        return tuple(found)

    def time_format(self, column: str) -> TimeFormat:
        """How this column of the contract writes dates and timestamps."""
        return self.time_of.get(column, self.time)


class CsvFormat(_TextFormat):
    """Delimited text with one header line.

    A quote inside a quoted field is doubled; there is no other escape. A line may end with
    LF, CRLF or CR, and the last one must.
    """

    kind: Literal["csv"] = "csv"
    delimiter: Character = ","
    quote: Character | None = Field(default='"', description="null: nothing is quoted.")
    decimal_mark: Literal[".", ","] = "."
    nulls: tuple[str, ...] = Field(
        default=("",),
        description="Unquoted fields that mean null; a quoted one is always a text.",
    )

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError("`delimiter` and `quote` are the same character")
        return self

    @property
    def decimal(self) -> str:
        return self.decimal_mark


class NdjsonFormat(_TextFormat):
    """One JSON object a line."""

    kind: Literal["ndjson"] = "ndjson"


class JsonFormat(_TextFormat):
    """One JSON document that holds an array of objects."""

    kind: Literal["json"] = "json"
    path: tuple[str, ...] = Field(
        default=(), description="Keys from the top of the document down to the array."
    )


TextFormat = CsvFormat | NdjsonFormat | JsonFormat


def _with_kind(value: object) -> object:
    """A format that names no kind would else be told of four kinds' faults."""
    if isinstance(value, dict) and "kind" not in value:
        raise ValueError("`kind` is missing; it is parquet, csv, ndjson or json")
    return value


FileFormat = Annotated[
    Annotated[ParquetFormat | TextFormat, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]

SUFFIXES = tuple(
    sorted(
        suffix
        for declared in (ParquetFormat(), CsvFormat(), NdjsonFormat(), JsonFormat())
        for suffix in (declared.suffix, declared.other_suffix)
        if suffix is not None
    )
)
"""How deliveries of any format end."""
