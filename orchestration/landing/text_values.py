"""Type what a text delivered: SQL for numbers, dates and moments, and reasons for bad ones.

A value is read only where it matches what the entity declares as a whole. The engine's own
cast takes much more: it drops the offset of a timestamp, reads `1e3` as an amount and takes
a thousands mark for a decimal one. Texts of typed files are cast in `land`, as ever.
"""

from datetime import datetime

from orchestration.landing.contract import Column, engine_type
from orchestration.sources.formats import (
    ISO_OFFSET,
    ISO_TIMESTAMP,
    BooleanWords,
    TextFormat,
    TimeFormat,
    format_pattern,
)

Reasons = list[tuple[str, str]]
"""(reason, predicate), the first that holds is the row's."""


def typed_text(column: Column, dialect: TextFormat) -> tuple[str, Reasons]:
    """SQL that types a delivered text, and the reasons that it may give a row."""
    name = f'delivered."{column.name}"'
    wanted = engine_type(column.type)
    reasons: Reasons = []
    if not column.nullable:
        reasons.append((f"missing_{column.name}", f"{name} is null"))
    if wanted == "VARCHAR":
        return name, reasons
    if wanted == "TIMESTAMP":
        value, found = _moment(column.name, name, dialect.time_format(column.name))
        return value, reasons + found
    if wanted == "DATE":
        value, is_implausible = _date(name, dialect.time_format(column.name))
        reasons.append((f"implausible_{column.name}", is_implausible))
    elif wanted == "BOOLEAN":
        value = _boolean(name, dialect.booleans)
    else:
        value, exact = _number(name, wanted, dialect.decimal)
        if exact is not None:
            reasons.append((f"inexact_{column.name}", f"{value} is not null and not {exact}"))
    reasons.append((f"unreadable_{column.name}", f"{name} is not null and {value} is null"))
    return value, reasons


def _number(name: str, wanted: str, decimal: str) -> tuple[str, str | None]:
    """A number in digits, sign and one mark; of an exact type, also whether nothing is lost."""
    mark = "[.]" if decimal == "." else decimal
    digits = f"[+-]?(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)"
    if wanted == "DOUBLE":
        digits += "(?:[eE][+-]?[0-9]+)?"
    plain = name if decimal == "." else f"replace({name}, '{decimal}', '.')"
    read = f"try_cast({plain} as {wanted})"
    if wanted == "DOUBLE":
        # `1e400` is digits, and infinity is none.
        read = f"case when isfinite({read}) then {read} end"
    value = f"case when {_matches(name, digits)} then {read} end"
    if wanted == "DOUBLE":
        return value, None
    scale = int(wanted.partition(",")[2].strip(" )") or 0) if wanted.startswith("DECIMAL") else 0
    return value, _matches(name, f"[^{decimal}]*(?:{mark}[0-9]{{0,{scale}}}0*)?")


def _boolean(name: str, words: BooleanWords) -> str:
    cases = "".join(
        f" when lower({name}) in ({', '.join(map(_text, listed))}) then {meant}"
        for meant, listed in (("true", words.true_words), ("false", words.false_words))
    )
    return f"case{cases} end"


def _date(name: str, time: TimeFormat) -> tuple[str, str]:
    """A date, and whether nobody can have meant it."""
    read = f"cast(try_strptime({name}, {_text(time.date)}) as date)"
    value = f"case when {_matches(name, time.date_pattern)} then {read} end"
    return value, f"{value} not between date '{time.earliest}' and date '{time.latest}'"


def _moment(column: str, name: str, time: TimeFormat) -> tuple[str, Reasons]:
    """UTC of a timestamp; a local time that its clock skipped or showed twice by the rule.

    An implausible moment has none, so that it belongs to no business date.
    """
    local, zoned = _local_and_zoned(name, time)
    resolved = local
    reasons: Reasons = []
    if time.time_zone != "UTC":
        resolved, reasons = _utc(column, local, time)
    meant = resolved if zoned is None else f"coalesce({zoned}, {resolved})"
    window = f"{_stamp(time.moments_from)} <= {meant} and {meant} < {_stamp(time.moments_before)}"
    value = f"case when {window} then {meant} end"
    parsed = local if zoned is None else f"coalesce({zoned}, {local})"
    unreadable = (f"unreadable_{column}", f"{name} is not null and {parsed} is null")
    return value, [unreadable, *reasons, (f"implausible_{column}", f"not ({window})")]


def _local_and_zoned(name: str, time: TimeFormat) -> tuple[str, str | None]:
    """What a timestamp without an offset says, and the UTC of one that has it."""
    if time.timestamp is not None:
        matches = _matches(name, format_pattern(time.timestamp))
        read = f"try_strptime({name}, {_text(time.timestamp)})"
        if "%z" in time.timestamp:
            return "cast(null as timestamp)", f"case when {matches} then {_in_utc(read)} end"
        return f"case when {matches} then {read} end", None
    matches = _matches(name, ISO_TIMESTAMP)
    has_offset = f"regexp_matches({name}, {_text(ISO_OFFSET)})"
    local = f"case when {matches} and not {has_offset} then try_cast({name} as timestamp) end"
    read = _in_utc(f"try_cast({name} as timestamptz)")
    return local, f"case when {matches} and {has_offset} then {read} end"


def _in_utc(moment: str) -> str:
    return f"timezone('UTC', {moment})"


def _utc(column: str, local: str, time: TimeFormat) -> tuple[str, Reasons]:
    """The UTC of a local time, by the offsets of a day before and a day after it.

    They differ around a change of the clock. A time that neither of them gives back was
    skipped; one that both give back was shown twice.
    """
    zone = _text(time.time_zone)

    def on_clock(utc: str) -> str:
        return f"timezone({zone}, timezone('UTC', {utc}))"

    def by_offset_of(near: str) -> str:
        return f"(({local}) - ({on_clock(near)} - {near}))"

    before = by_offset_of(f"(({local}) - interval 1 day)")
    after = by_offset_of(f"(({local}) + interval 1 day)")
    is_before, is_after = f"{on_clock(before)} = ({local})", f"{on_clock(after)} = ({local})"
    is_twice = f"{before} <> {after} and {is_before} and {is_after}"
    is_skipped = f"not {is_before} and not {is_after}"
    twice = {
        "quarantine": "null",
        "earlier": f"least({before}, {after})",
        "later": f"greatest({before}, {after})",
    }[time.on_overlap]
    skipped = "null" if time.on_gap == "quarantine" else before
    value = (
        f"case when {before} = {after} then {before} when {is_twice} then {twice}"
        f" when {is_skipped} then {skipped} when {is_before} then {before} else {after} end"
    )
    reasons: Reasons = []
    if time.on_gap == "quarantine":
        reasons.append((f"skipped_by_clock_{column}", is_skipped))
    if time.on_overlap == "quarantine":
        reasons.append((f"shown_twice_by_clock_{column}", is_twice))
    return value, reasons


def _stamp(moment: datetime) -> str:
    return f"timestamp '{moment.isoformat(sep=' ')}'"


def _matches(name: str, pattern: str) -> str:
    return f"regexp_full_match({name}, {_text(pattern)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
