"""Delimited text: every dialect and every hazard that was seen, and nothing silent."""

import gzip
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.sources.formats import CsvFormat
from orchestration.sources.text_files.faults import Fault, TextFileError
from tests.unit.sources.text_files.conftest import ReadRows, misshapen, values

CSV = CsvFormat()
SMALL = CsvFormat(greatest_record=1024)


@pytest.mark.parametrize(
    "data, dialect, expected",
    [
        (b"a,b\n1,x\n", CSV, [("1", "x")]),
        (b"a;b\n1,5;x\n", CsvFormat(delimiter=";", decimal_mark=","), [("1,5", "x")]),
        (b"a\tb\n1\tx y\n", CsvFormat(delimiter="\t"), [("1", "x y")]),
        (b"a|b\n1|x\n", CsvFormat(delimiter="|"), [("1", "x")]),
        (b"a,b\r\n1,x\r\n2,y\r\n", CSV, [("1", "x"), ("2", "y")]),
        (b"a,b\r1,x\r2,y\r", CSV, [("1", "x"), ("2", "y")]),
        (b"a,b\n1,x\r\n2,y\r3,z\n", CSV, [("1", "x"), ("2", "y"), ("3", "z")]),
        (b'"a","b"\n"1","x"\n', CSV, [("1", "x")]),
        (b'a,b\n1,"x, ""y"""\n', CSV, [("1", 'x, "y"')]),
        (b'a,b\n1,"x\ny"\n2,z\n', CSV, [("1", "x\ny"), ("2", "z")]),
        (b'a,b\r\n1,"x\r\n\r\ny"\r\n', CSV, [("1", "x\r\n\r\ny")]),
        (b"a,b\n1,'x,y'\n", CsvFormat(quote="'"), [("1", "x,y")]),
        (b'a,b\n1,x"y\n', CsvFormat(quote=None), [("1", 'x"y')]),
        (b'a,b\n,""\n', CSV, [(None, "")]),
        (b'a,b\nNULL,"NULL"\n', CsvFormat(nulls=("NULL",)), [(None, "NULL")]),
        (b"a,b\n,x\n", CsvFormat(nulls=()), [("", "x")]),
        (b"a,b\n\n1,x\n\r\n\n", CSV, [("1", "x")]),
        (b"a\n\n1\n", CSV, [(None,), ("1",)]),
        (b"b,a\nx,1\n", CSV, [("x", "1")]),
        (b"a,b\n1, x \n", CSV, [("1", " x ")]),
        (b"a,b\n123456789012345678901234567890.123456789,x\n", CSV, None),
        (b"a,b\n", CSV, []),
        (b"ID,b\n1,x\n", CsvFormat(names={"a": "ID"}), [("1", "x")]),
    ],
)
def test_a_dialect_is_read_as_declared(
    read_rows: ReadRows, data: bytes, dialect: CsvFormat, expected: list[tuple[Any, ...]] | None
) -> None:
    rows = read_rows(data, dialect)
    assert misshapen(rows) == []
    if expected is None:
        expected = [("123456789012345678901234567890.123456789", "x")]
    assert values(rows) == expected


@pytest.mark.parametrize(
    "data, dialect, expected",
    [
        ("a,b\n1,é\n".encode(), CSV, "é"),
        ("\ufeffa,b\n1,é\n".encode(), CSV, "é"),
        ("\ufeffa,b\n1,é\n".encode("utf-16-le"), CsvFormat(encoding="utf-16"), "é"),
        ("\ufeffa,b\n1,é\n".encode("utf-16-be"), CsvFormat(encoding="utf-16"), "é"),
        ("a,b\n1,€\n".encode("cp1252"), CsvFormat(encoding="cp1252"), "€"),
        ("a,b\n1,é\n".encode("latin-1"), CsvFormat(encoding="latin-1"), "é"),
        ("a,b\n1,\u200b\u202ee\u0301\n".encode(), CSV, "\u200b\u202ee\u0301"),
        ("a,b\n1,x\u2028y\x0bz\x85\n".encode(), CSV, "x\u2028y\x0bz\x85"),
    ],
)
def test_an_encoding_is_read_as_declared(
    read_rows: ReadRows, data: bytes, dialect: CsvFormat, expected: str
) -> None:
    assert values(read_rows(data, dialect)) == [("1", expected)]


@pytest.mark.parametrize(
    "data, dialect",
    [
        ("a,b\n1,é\n".encode("latin-1"), CSV),
        ("a,b\n1,é\n".encode("utf-16-le"), CsvFormat(encoding="utf-16")),
        (b"a,b\n1,\x81\n", CsvFormat(encoding="cp1252")),
        ("a,b\n1,日本\n".encode("shift-jis"), CSV),
        (b"a,b\n" + b"1,x\n" * 100_000 + b"1,\xff\n", CSV),
        ("\ufeffa,b\n1,é\n".encode("utf-16-le")[:-1], CsvFormat(encoding="utf-16")),
    ],
)
def test_bytes_of_another_encoding_refuse_the_file_and_are_not_repeated(
    read_rows: ReadRows, data: bytes, dialect: CsvFormat
) -> None:
    with pytest.raises(TextFileError) as refused:
        read_rows(data, dialect)
    assert refused.value.fault is Fault.UNDECODABLE
    assert refused.value.__cause__ is None
    assert "xff" not in str(refused.value)


@pytest.mark.parametrize(
    "data, expected, good",
    [
        (b"a,b\n1\n2,x\n", [(2, "too_few_fields")], ["2"]),
        (b"a,b\n1,x,y\n2,x\n", [(2, "too_many_fields")], ["2"]),
        (b"a,b\n1,x,\n2,x\n", [(2, "too_many_fields")], ["2"]),
        (b'a,b\n1,"x"y\n2,x\n', [(2, "misplaced_quote")], ["2"]),
        (b'a,b\n1,5" disk\n2,x\n', [(2, "misplaced_quote")], ["2"]),
        (b"a,b\n1,x\0y\n2,x\n", [(2, "nul_character")], ["2"]),
        (b'a,b\n1,"x\n\0",\n2,x\n', [(2, "nul_character"), (3, "nul_character")], ["2"]),
        (b'a,b\n5" x,"y\nz"\n2,x\n', [(2, "misplaced_quote"), (3, "misplaced_quote")], ["2"]),
        (b'a,b\n"x\n"",",y"\n2,x\n', [(2, "misplaced_quote")], ["", "2"]),
        (b'a,b\n1" 2" x,"y\n2,x\n', [(2, "misplaced_quote")], ["2"]),
        (b'a,b\n1,"x\n2,x\n3,y\n', [(2, "unterminated_quote")], ["2", "3"]),
        (b'a,b\n1,"x\n"2","x"\n', [(2, "misplaced_quote")], ["2"]),
        (b'a,b\n1,"x\ny",z\n2,x\n', [(2, "too_many_fields"), (3, "misplaced_quote")], ["2"]),
    ],
)
def test_a_record_without_shape_is_set_aside_with_its_line_and_takes_no_other_with_it(
    read_rows: ReadRows, data: bytes, expected: list[tuple[int, str]], good: list[str]
) -> None:
    rows = read_rows(data, CSV)
    assert misshapen(rows) == expected
    assert [row[0] for row in values(rows)] == good
    line = data.split(b"\n")[1].decode()
    assert next(row["_raw"] for row in rows if row["_structure_reason"]) == line


def test_an_unterminated_quote_does_not_swallow_the_lines_after_it(read_rows: ReadRows) -> None:
    lines = [f"{number},x" for number in range(50_000)]
    lines[1] = '1,"x'
    rows = read_rows(("a,b\n" + "\n".join(lines) + "\n").encode(), CSV)
    assert misshapen(rows) == [(3, "unterminated_quote")]
    assert len(values(rows)) == 49_999


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("length", [1022, 1023, 1024, 1025, 1026, 1027, 1028, 2052, 5000])
def test_a_record_is_as_long_as_allowed_or_set_aside_whatever_ends_it(
    read_rows: ReadRows, end: str, length: int
) -> None:
    long = "1," + "x" * (length - 2)
    data = end.join(("a,b", long, "2,y", long, long, "3,z", "")).encode()
    rows = read_rows(data, SMALL)
    reasons = [] if length <= 1024 else [(line, "record_too_large") for line in (2, 4, 5)]
    assert misshapen(rows) == reasons
    assert [row[0] for row in values(rows) if row[0] != "1"] == ["2", "3"]
    assert all(row["_raw"] is None or len(row["_raw"]) == 1024 for row in rows)


def test_a_field_of_forty_megabytes_is_set_aside_and_the_others_stay(read_rows: ReadRows) -> None:
    rows = read_rows(b"a,b\n1,x\n2," + b"y" * 40_000_000 + b"\n3,z\n", CSV)
    assert misshapen(rows) == [(3, "record_too_large")]
    assert values(rows) == [("1", "x"), ("3", "z")]
    allowed = CsvFormat(greatest_record=50 << 20)
    assert len(values(read_rows(b"a,b\n1," + b"y" * 40_000_000 + b"\n", allowed))) == 1


@pytest.mark.parametrize(
    "data, fault, told",
    [
        (b"", Fault.EMPTY, "no bytes"),
        (b"\xef\xbb\xbf", Fault.EMPTY, "no bytes"),
        (b"a,b", Fault.CUT_OFF, "its last line, 1, has no line end"),
        (b"a,b\n1,2.12", Fault.CUT_OFF, "its last line, 2, has no line end"),
        (b'a,b\n1,"x', Fault.CUT_OFF, "its last line, 2"),
        (b"a,a\n1,x\n", Fault.BROKEN_HEADER, "column 2 of its header has the name of another"),
        (b"a,A\n1,x\n", Fault.BROKEN_HEADER, "column 2 of its header has the name of another"),
        (b"a,\n1,x\n", Fault.BROKEN_HEADER, "column 2 of its header has no name"),
        (b"\n1,x\n", Fault.BROKEN_HEADER, "column 1 of its header has no name"),
        (b'a,"b\n1,x\n', Fault.BROKEN_HEADER, "quotes that do not match"),
        (b"a,b\0\n1,x\n", Fault.BROKEN_HEADER, "NUL"),
        (b"a,_raw\n1,x\n", Fault.BROKEN_HEADER, "_raw"),
        (b"a,_Reason\n1,x\n", Fault.BROKEN_HEADER, "_Reason"),
        (b"a," * 2_000_000 + b"b\n", Fault.BROKEN_HEADER, "longer than a record may be"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused_with_its_fault(
    read_rows: ReadRows, data: bytes, fault: Fault, told: str
) -> None:
    with pytest.raises(TextFileError) as refused:
        read_rows(data, CSV)
    assert refused.value.fault is fault
    assert told in str(refused.value)


def test_a_file_cut_at_any_byte_of_its_last_record_never_loads_a_shorter_value(
    read_rows: ReadRows,
) -> None:
    whole = b'a,b\n1,"x ""y"""\n2,2.1234\n'
    start = whole.index(b"2,2")
    for length in range(start + 1, len(whole)):
        with pytest.raises(TextFileError, match="cut_off"):
            read_rows(whole[:length], CSV)
    assert len(read_rows(whole[:start], CSV)) == 1, "only a control total could tell this one"
    assert len(read_rows(whole, CSV)) == 2


def test_a_cut_gzip_is_refused_at_every_length(read_rows: ReadRows) -> None:
    chance = random.Random(5)
    lines = "".join(f"{number},{chance.random()}\n" for number in range(200))
    packed = CsvFormat(compression="gzip")
    data = gzip.compress(("a,b\n" + lines).encode())
    assert len(read_rows(data, packed)) == 200
    for length in range(0, len(data), 7):
        with pytest.raises(TextFileError) as refused:
            read_rows(data[:length], packed)
        assert refused.value.fault is Fault.BROKEN_GZIP
    with pytest.raises(TextFileError, match="broken_gzip"):
        read_rows(b"a,b\n1,x\n", packed)


@pytest.mark.slow
def test_a_gzip_that_expands_beyond_measure_is_refused(
    read_rows: ReadRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.sources.text_files import lines

    monkeypatch.setattr(lines, "_ALWAYS_ALLOWED", 1 << 20)
    bomb = gzip.compress(b"a,b\n" + b"1,x\n" * 3_000_000)
    with pytest.raises(TextFileError) as refused:
        read_rows(bomb, CsvFormat(compression="gzip"))
    assert refused.value.fault is Fault.EXPANDS_TOO_FAR


# -- round trip -------------------------------------------------------------------------

DIALECTS = st.builds(
    CsvFormat,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quote=st.sampled_from(['"', "'"]),
    nulls=st.sampled_from([("",), ("NULL", ""), ("\\N",), ()]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252", "latin-1"]),
    compression=st.sampled_from(["none", "gzip"]),
)
CELLS = st.none() | st.text(
    st.sampled_from(list("ab,;\t|\"'\r\n\\N€é ")) | st.sampled_from("NULx"), max_size=12
)


def written(
    rows: list[list[str | None]], dialect: CsvFormat, end: str, *, quote_all: bool
) -> bytes:
    """Rows as another program would write them by this dialect."""
    quote = dialect.quote or ""

    def cell(value: str | None) -> str:
        if value is None:
            return dialect.nulls[0]
        special = (dialect.delimiter, quote, "\r", "\n")
        if quote_all or value in dialect.nulls or any(mark in value for mark in special):
            return quote + value.replace(quote, quote * 2) + quote
        return value

    header = dialect.delimiter.join(f"column_{place}" for place in range(len(rows[0])))
    lines = [header, *(dialect.delimiter.join(map(cell, row)) for row in rows)]
    codec = {"utf-8": "utf-8-sig"}.get(dialect.encoding, dialect.encoding)
    data = "".join(line + end for line in lines).encode(codec)
    return gzip.compress(data) if dialect.compression == "gzip" else data


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str | None]], CsvFormat]:
    dialect = draw(DIALECTS)
    width = draw(st.integers(1, 4))
    cells = CELLS if dialect.nulls else CELLS.filter(lambda value: value is not None)
    if dialect.encoding == "latin-1":
        cells = cells.map(lambda value: value if value is None else value.replace("€", "e"))
    if width == 1 and "" not in dialect.nulls:
        # An empty line is an empty field only where there is one field.
        cells = cells.filter(lambda value: value != "")
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6))
    return rows, dialect


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=tables(), end=st.sampled_from(["\n", "\r\n", "\r"]), quote_all=st.booleans())
def test_what_was_written_by_a_dialect_is_read_by_it(
    read_rows: ReadRows,
    table: tuple[list[list[str | None]], CsvFormat],
    end: str,
    quote_all: bool,
) -> None:
    rows, dialect = table
    read = read_rows(written(rows, dialect, end, quote_all=quote_all), dialect)
    assert misshapen(read) == []
    assert values(read) == [tuple(row) for row in rows]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(st.text(st.sampled_from('ab,"\r\n\0')), max_size=12),
    quoted=st.lists(
        st.sampled_from(['5" x,"y', 'z"', '"a ""b"",', '1"2"3,"', '","', '"",""', 'a""b,"c'])
    ),
    width=st.integers(1, 3),
)
def test_both_counts_agree_on_whatever_comes(
    read_rows: ReadRows, lines: list[str], quoted: list[str], width: int
) -> None:
    """The fixture compares them."""
    header = ",".join("abc"[:width])
    read_rows((header + "\n" + "\n".join(lines + quoted) + "\n").encode(), CSV)
