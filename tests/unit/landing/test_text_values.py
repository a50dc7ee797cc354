"""Numbers, dates and moments of a text: read exactly as declared, or given a reason."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.landing.contract import Column
from orchestration.landing.text_days import count_text_days, moment_reader
from orchestration.landing.text_values import typed_text
from orchestration.quiet_duckdb import open_duckdb
from orchestration.sources.formats import (
    BooleanWords,
    CsvFormat,
    NdjsonFormat,
    TextFormat,
    TimeFormat,
)


def typed(
    texts: list[str | None], kind: str, dialect: TextFormat, *, nullable: bool = True
) -> list[tuple[str | None, str | None]]:
    """(value as text, first reason) of every text in a column `x`."""
    value, reasons = typed_text(Column("x", kind, nullable), dialect)
    cases = "".join(f" when {predicate} then '{name}'" for name, predicate in reasons)
    reason = f"case{cases} end" if cases else "null"
    with open_duckdb() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("given", pa.table({"x": pa.array(texts, pa.string())}))
        connection.execute("create table delivered as select * from given")
        return connection.execute(
            f"select cast({value} as varchar), {reason} from delivered"
        ).fetchall()


PLAIN = NdjsonFormat()
COMMA = CsvFormat(delimiter=";", decimal_mark=",")
GERMAN = CsvFormat(booleans=BooleanWords(true_words=("j", "O'K"), false_words=("N", "")))


@pytest.mark.parametrize(
    "text, kind, dialect, value, reason",
    [
        ("12", "bigint", PLAIN, "12", None),
        ("-12", "bigint", PLAIN, "-12", None),
        ("+12", "bigint", PLAIN, "12", None),
        ("007", "bigint", PLAIN, "7", None),
        ("1.0", "bigint", PLAIN, "1", None),
        ("9223372036854775807", "bigint", PLAIN, "9223372036854775807", None),
        ("9007199254740993", "bigint", PLAIN, "9007199254740993", None),
        ("9223372036854775808", "bigint", PLAIN, None, "unreadable_x"),
        ("1.5", "bigint", PLAIN, None, "inexact_x"),
        ("1e3", "bigint", PLAIN, None, "unreadable_x"),
        ("1_000", "bigint", PLAIN, None, "unreadable_x"),
        (" 12", "bigint", PLAIN, None, "unreadable_x"),
        ("N/A", "bigint", PLAIN, None, "unreadable_x"),
        ("", "bigint", PLAIN, None, "unreadable_x"),
        ("0x1F", "bigint", PLAIN, None, "unreadable_x"),
        ("1.50", "decimal(18,2)", PLAIN, "1.50", None),
        ("1.5000", "decimal(18,2)", PLAIN, "1.50", None),
        ("1.505", "decimal(18,2)", PLAIN, None, "inexact_x"),
        ("9999999999999999.995", "decimal(18,2)", PLAIN, None, None),
        ("12345678901234.123", "decimal(18,2)", PLAIN, None, "inexact_x"),
        (
            "1234567890123456789012345678.12",
            "decimal(38,2)",
            PLAIN,
            "1234567890123456789012345678.12",
            None,
        ),
        ("1,234", "decimal(18,2)", PLAIN, None, "unreadable_x"),
        ("1.234,50", "decimal(18,2)", COMMA, None, "unreadable_x"),
        ("1.234", "decimal(18,2)", COMMA, None, "unreadable_x"),
        ("1,23", "decimal(18,2)", COMMA, "1.23", None),
        (",5", "decimal(18,2)", COMMA, "0.50", None),
        ("1,235", "decimal(18,2)", COMMA, None, "inexact_x"),
        ("1,0", "bigint", COMMA, "1", None),
        ("NaN", "decimal(18,2)", PLAIN, None, "unreadable_x"),
        ("inf", "double", PLAIN, None, "unreadable_x"),
        ("1e400", "double", PLAIN, None, "unreadable_x"),
        ("1e3", "double", PLAIN, "1000.0", None),
        ("true", "boolean", PLAIN, "true", None),
        ("TRUE", "boolean", PLAIN, "true", None),
        ("False", "boolean", PLAIN, "false", None),
        ("t", "boolean", PLAIN, None, "unreadable_x"),
        ("yes", "boolean", PLAIN, None, "unreadable_x"),
        ("0", "boolean", PLAIN, None, "unreadable_x"),
        (" true", "boolean", PLAIN, None, "unreadable_x"),
        ("", "boolean", PLAIN, None, "unreadable_x"),
        ("J", "boolean", GERMAN, "true", None),
        ("o'k", "boolean", GERMAN, "true", None),
        ("n", "boolean", GERMAN, "false", None),
        ("true", "boolean", GERMAN, None, "unreadable_x"),
        ("maybe", "boolean", PLAIN, None, "unreadable_x"),
        ("2017-02-28", "date", PLAIN, "2017-02-28", None),
        ("2017-02-30", "date", PLAIN, None, "unreadable_x"),
        ("20170228", "date", PLAIN, None, "unreadable_x"),
        ("03/04/2026", "date", PLAIN, None, "unreadable_x"),
        ("45000", "date", PLAIN, None, "unreadable_x"),
        ("2017-02-28", "string", PLAIN, "2017-02-28", None),
    ],
)
def test_a_value_is_read_as_declared_or_has_a_reason(
    text: str, kind: str, dialect: TextFormat, value: str | None, reason: str | None
) -> None:
    ((found, why),) = typed([text], kind, dialect)
    if text == "9999999999999999.995":
        assert why is not None, "neither rounded nor too large in silence"
        return
    assert why == reason
    if reason is None:
        assert found == value


def test_a_missing_value_is_no_unreadable_one() -> None:
    assert typed([None], "bigint", PLAIN) == [(None, None)]
    assert typed([None], "bigint", PLAIN, nullable=False) == [(None, "missing_x")]
    assert typed([""], "string", PLAIN, nullable=False) == [("", None)]


@pytest.mark.parametrize(
    "written, text, value",
    [
        ("%d/%m/%Y", "03/04/2026", "2026-04-03"),
        ("%m/%d/%Y", "03/04/2026", "2026-03-04"),
        ("%d/%m/%Y", "3/4/2026", "2026-04-03"),
        ("%d.%m.%Y", "31.12.2026", "2026-12-31"),
        ("%d/%m/%Y", "31/11/2026", None),
        ("%d%m%Y", "01112026", "2026-11-01"),
        ("%d%m%Y", "1112026", None),
        ("%Y%m%d", "20260403", "2026-04-03"),
        ("%Y%m%d", "2026040", None),
        ("%d/%m/%Y", "03/04/26", None),
        ("%d/%m/%Y", "2026-04-03", None),
    ],
)
def test_a_date_is_read_by_its_format_alone(written: str, text: str, value: str | None) -> None:
    dialect = CsvFormat(time=TimeFormat(date=written))
    assert typed([text], "date", dialect) == [(value, None if value else "unreadable_x")]


@pytest.mark.parametrize(
    "declared, text, reason",
    [
        ({}, "0001-01-01", "implausible_x"),
        ({}, "1899-12-31", "implausible_x"),
        ({}, "1900-01-01", None),
        ({}, "2199-12-31", None),
        ({}, "2200-01-01", "implausible_x"),
        ({}, "9999-12-31", "implausible_x"),
        ({"latest": "9999-12-31"}, "9999-12-31", None),
        ({"earliest": "2017-01-01"}, "2016-12-31", "implausible_x"),
    ],
)
def test_a_date_that_nobody_can_have_meant_has_a_reason(
    declared: dict[str, str], text: str, reason: str | None
) -> None:
    dialect = CsvFormat(time=TimeFormat.model_validate(declared))
    ((_, why),) = typed([text], "date", dialect)
    assert why == reason


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"])
@pytest.mark.parametrize("offset", ["", "Z", "+14:00", "-12:00"])
@pytest.mark.parametrize("latest", ["2199-12-31", "9999-12-31"])
def test_a_moment_that_nobody_can_have_meant_has_a_reason_and_no_date(
    zone: str, offset: str, latest: str
) -> None:
    time = TimeFormat.model_validate({"time_zone": zone, "latest": latest})
    texts = [
        f"{local}{offset}"
        for local in (
            "0001-01-01T00:00:00",
            "0001-12-31T23:59:59",
            "1800-06-01T00:00:00",
            "9999-01-01T00:00:00",
            "9999-12-31T23:59:59",
        )
    ]
    read = typed([*texts], "timestamp", CsvFormat(time=time))
    assert [why for _, why in read] == ["implausible_x"] * len(texts)
    assert [value for value, _ in read] == [None] * len(texts)
    for business_zone in ("UTC", "America/New_York", "Pacific/Kiritimati"):
        assert count_text_days(texts, time, business_zone) == {None: len(texts)}


BERLIN = {"time_zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    "time, text, value, reason",
    [
        ({}, "2017-02-20T12:11:42.000Z", "2017-02-20 12:11:42", None),
        ({}, "2017-02-20 12:11:42", "2017-02-20 12:11:42", None),
        ({}, "2017-02-20 12:11:42+02", "2017-02-20 10:11:42", None),
        ({}, "2017-02-20T12:11:42-0530", "2017-02-20 17:41:42", None),
        ({}, "2017-02-20T12:11-05:30", "2017-02-20 17:41:00", None),
        ({}, "2017-02-20", None, "unreadable_x"),
        ({}, "2017-02-20 23:59:60", None, "unreadable_x"),
        ({}, "2017-02-30 12:00:00", None, "unreadable_x"),
        ({}, "1487592702", None, "unreadable_x"),
        ({}, "1487592702000", None, "unreadable_x"),
        ({"timestamp": "%d/%m/%Y %H:%M:%S"}, "21/02/2017 00:55:46", "2017-02-21 00:55:46", None),
        ({"timestamp": "%d/%m/%Y %H:%M:%S"}, "2017-02-21 00:55:46", None, "unreadable_x"),
        ({"timestamp": "%d/%m/%Y %H:%M%z"}, "21/02/2017 00:55+0200", "2017-02-20 22:55:00", None),
        ({}, "2199-12-31 23:59:59", "2199-12-31 23:59:59", None),
        ({}, "2199-12-31 23:59:59-01:00", None, "implausible_x"),
        ({"earliest": "2017-02-20"}, "2017-02-20 00:00:00", "2017-02-20 00:00:00", None),
        ({"earliest": "2017-02-20"}, "2017-02-19 23:59:59", None, "implausible_x"),
        ({"timestamp": "%Y%m%d%H%M%S%f"}, "20170221005546500000", "2017-02-21 00:55:46.5", None),
        ({"timestamp": "%Y%m%d%H%M%S.%f"}, "20170221005546.5", "2017-02-21 00:55:46.5", None),
        ({"timestamp": "%Y%m%d%H%M"}, "2017022100", None, "unreadable_x"),
        ({"timestamp": "%d/%m/%Y %H:%M%z"}, "21/02/2017 00:55+9900", None, "unreadable_x"),
        ({"timestamp": "%d/%m/%Y %H:%M%z"}, "21/02/2017 00:55-1330", "2017-02-21 14:25:00", None),
        ({"timestamp": "%d/%m/%Y %H:%M%z"}, "21/02/2017 00:55+14:00", "2017-02-20 10:55:00", None),
        ({}, "2017-02-20T12:11:42+99", None, "unreadable_x"),
        ({}, "2017-02-20T12:11:42+02:75", None, "unreadable_x"),
        ({}, "2017-02-20T12:11:42.5-0000", "2017-02-20 12:11:42.5", None),
        (BERLIN, "2017-07-01 12:00:00", "2017-07-01 10:00:00", None),
        (BERLIN, "2017-12-01 12:00:00", "2017-12-01 11:00:00", None),
        (BERLIN, "2017-07-01T12:00:00Z", "2017-07-01 12:00:00", None),
        (BERLIN, "2017-03-26 02:30:00", None, "skipped_by_clock_x"),
        (BERLIN, "2017-03-26 01:59:59", "2017-03-26 00:59:59", None),
        (BERLIN, "2017-03-26 03:00:00", "2017-03-26 01:00:00", None),
        (BERLIN | {"on_gap": "shift"}, "2017-03-26 02:30:00", "2017-03-26 01:30:00", None),
        (BERLIN, "2017-10-29 02:30:00", None, "shown_twice_by_clock_x"),
        (BERLIN | {"on_overlap": "earlier"}, "2017-10-29 02:30:00", "2017-10-29 00:30:00", None),
        (BERLIN | {"on_overlap": "later"}, "2017-10-29 02:30:00", "2017-10-29 01:30:00", None),
        (BERLIN, "2017-10-29T02:30:00+02:00", "2017-10-29 00:30:00", None),
        (BERLIN, "2017-10-29 03:00:00", "2017-10-29 02:00:00", None),
        ({"time_zone": "Australia/Lord_Howe"}, "2017-10-01 02:15:00", None, "skipped_by_clock_x"),
    ],
)
def test_a_moment_is_utc_and_a_doubtful_local_time_is_not_guessed(
    time: dict[str, str], text: str, value: str | None, reason: str | None
) -> None:
    dialect = CsvFormat(time=TimeFormat.model_validate(time))
    ((found, why),) = typed([text], "timestamp", dialect)
    assert why == reason
    assert found == value
    moment = moment_reader(dialect.time)(text)
    counted = None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
    assert counted == (None if value is None else datetime.fromisoformat(value))


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    moments=st.lists(
        st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)), min_size=1, max_size=20
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    near_change=st.booleans(),
    on_gap=st.sampled_from(["quarantine", "shift"]),
    on_overlap=st.sampled_from(["quarantine", "earlier", "later"]),
)
def test_the_engine_and_the_other_count_read_every_moment_alike(
    moments: list[datetime], zone: str, near_change: bool, on_gap: str, on_overlap: str
) -> None:
    if near_change:
        change = datetime(2017, 10, 29, 2) if zone == "Europe/Berlin" else datetime(2017, 11, 5, 1)
        moments = [change + timedelta(minutes=step * 7) for step in range(-20, 20)]
    time = TimeFormat.model_validate(
        {"time_zone": zone, "on_gap": on_gap, "on_overlap": on_overlap}
    )
    texts = [moment.isoformat(sep=" ") for moment in moments]
    read = moment_reader(time)
    expected = [
        None if found is None else found.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
        for found in map(read, texts)
    ]
    engine = [
        None if value is None else datetime.fromisoformat(value).isoformat(sep=" ")
        for value, _ in typed([*texts], "timestamp", CsvFormat(time=time))
    ]
    assert engine == expected


def test_days_are_counted_on_the_clock_of_the_source() -> None:
    texts = ["2017-01-02 03:30:00", "2017-01-02T17:00:00Z", "2017-01-02T17:00:00Z", "x", None]
    found = count_text_days(texts, TimeFormat(), "America/New_York")
    assert found == {date(2017, 1, 1): 1, date(2017, 1, 2): 2, None: 2}
