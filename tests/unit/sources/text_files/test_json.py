"""JSON by line and as an array: exact scalars, and bad records that harm no other."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.sources.formats import JsonFormat, NdjsonFormat, TextFormat
from orchestration.sources.text_files import json_records
from orchestration.sources.text_files.faults import Fault, TextFileError
from tests.unit.sources.text_files.conftest import ReadRows, misshapen, values

LINES = NdjsonFormat()
ARRAY = JsonFormat()


def as_lines(*objects: str) -> bytes:
    return "".join(f"{item}\n" for item in objects).encode()


def as_array(*objects: str) -> bytes:
    return ("[\n" + ",\n".join(objects) + "\n]\n").encode()


@pytest.mark.parametrize(
    "value, expected",
    [
        ("12", "12"),
        ("-0", "-0"),
        ("1.10", "1.10"),
        ("1E400", "1E400"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0.123456789012345678901234567890", "0.123456789012345678901234567890"),
        ("true", "true"),
        ("false", "false"),
        ("null", None),
        ('""', ""),
        ('"é \\u20ac \\n"', "é € \n"),
        ('"null"', "null"),
        ('{"x": [1.50, "1.50", null, true, {"y": 9007199254740993}]}', None),
        ("[]", "[]"),
    ],
)
@pytest.mark.parametrize("write, dialect", [(as_lines, LINES), (as_array, ARRAY)])
def test_a_value_is_handed_on_as_its_own_text(
    read_rows: ReadRows, write: Any, dialect: TextFormat, value: str, expected: str | None
) -> None:
    if value.startswith("{"):
        expected = '{"x":[1.50,"1.50",null,true,{"y":9007199254740993}]}'
    rows = read_rows(write(f'{{"b": {value}, "z": 1}}', '{"a": 1}'), dialect)
    assert values(rows) == [(None, expected), ("1", None)]
    assert read_rows.last is not None
    assert read_rows.last.unknown_keys == ("z",)
    assert read_rows.last.columns == ("a", "b")


LARGE = ('{"a": "' + "x" * 2000 + '"}', "record_too_large")


@pytest.mark.parametrize(
    "record, reason",
    [
        ("[1]", "not_an_object"),
        ("12", "not_an_object"),
        ('"text"', "not_an_object"),
        ("null", "not_an_object"),
        ('{"a": NaN}', "malformed_json"),
        ('{"a": "\\ud800"}', "malformed_json"),
        ('{"a": "\\u0000"}', "nul_character"),
        ('{"a": 1, "a": 2}', "duplicated_key"),
        ('{"c": {"d": 1, "d": 2}}', "duplicated_key"),
    ],
)
@pytest.mark.parametrize(
    "write, dialect",
    [
        (as_lines, NdjsonFormat(greatest_record=1024)),
        (as_array, JsonFormat(greatest_record=1024)),
    ],
)
def test_a_record_without_shape_is_set_aside_and_the_others_stay(
    read_rows: ReadRows, write: Any, dialect: TextFormat, record: str, reason: str
) -> None:
    rows = read_rows(write('{"a": 1}', record, '{"a": 2}'), dialect)
    place = 3 if isinstance(dialect, JsonFormat) else 2
    assert misshapen(rows) == [(place, reason)]
    assert values(rows) == [("1", None), ("2", None)]
    assert record.startswith(next(row["_raw"] for row in rows if row["_raw"]))


MALFORMED = [
    '{"a": 01}',
    '{"a": nope}',
    "{'a': 1}",
    '{"a": 1,}',
    '{"a": "\t"}',
    '{"a": "x}',
    '{"a": x"}',
    '{"a": [1}',
    '{"a": 1, "a": 2, "b": "x}',
    '{"a": 1}}',
    '{"a": 1]',
    '"a": 1}',
    "",
]


@pytest.mark.parametrize("record", [item for item in MALFORMED if item])
def test_a_malformed_line_is_set_aside_and_the_others_stay(
    read_rows: ReadRows, record: str
) -> None:
    rows = read_rows(as_lines('{"a": 1}', record, '{"a": 2}'), LINES)
    assert [line for line, _ in misshapen(rows)] == [2]
    assert values(rows) == [("1", None), ("2", None)]


def test_a_line_that_is_too_long_is_set_aside(read_rows: ReadRows) -> None:
    record, reason = LARGE
    rows = read_rows(as_lines('{"a": 1}', record), NdjsonFormat(greatest_record=1024))
    assert misshapen(rows) == [(2, reason)]


@pytest.mark.parametrize("record", [*MALFORMED, LARGE[0]])
@pytest.mark.parametrize("following", ['{"a": 2}', '{"": "", "a": 2}', '"x"'])
def test_a_malformed_element_breaks_its_document_and_takes_no_neighbour_in_silence(
    read_rows: ReadRows, record: str, following: str
) -> None:
    elements = ('{"a": 1}', record, following, '{"a": 3}')
    with pytest.raises(TextFileError) as refused:
        read_rows(as_array(*elements), JsonFormat(greatest_record=1024))
    assert refused.value.fault is Fault.BROKEN_DOCUMENT
    assert "line 3" in str(refused.value) or record in ('{"a": 1}}', "")


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("length", [1023, 1024, 1025, 1026, 3000])
def test_how_long_an_element_may_be_does_not_depend_on_where_the_pieces_end(
    read_rows: ReadRows, monkeypatch: pytest.MonkeyPatch, chunk: int, length: int
) -> None:
    monkeypatch.setattr(json_records, "_CHUNK", chunk)
    data = as_array('{"a": "' + "x" * (length - 9) + '"}')
    dialect = JsonFormat(greatest_record=1024)
    if length <= 1024:
        assert len(values(read_rows(data, dialect))) == 1
        return
    with pytest.raises(TextFileError, match="longer than a record may be"):
        read_rows(data, dialect)


@pytest.mark.parametrize("depth", [100, 900, 100_000])
@pytest.mark.parametrize("write, dialect", [(as_lines, LINES), (as_array, ARRAY)])
def test_however_deep_an_object_nests_it_is_read_or_refused(
    read_rows: ReadRows, write: Any, dialect: TextFormat, depth: int
) -> None:
    nested = "[" * depth + "1" + "]" * depth
    data = write(f'{{"a": {nested}}}', '{"a": 2}')
    if depth == 100_000 and dialect is ARRAY:
        with pytest.raises(TextFileError, match="line 2 is no JSON value"):
            read_rows(data, dialect)
        return
    rows = read_rows(data, dialect)
    if depth == 100:
        assert values(rows)[0] == (nested, None)
    if depth == 100_000:
        assert [reason for _, reason in misshapen(rows)] == ["malformed_json"]
    assert values(rows)[-1] == ("2", None)


def test_a_parameter_of_an_address_is_a_column_and_the_address_stays_out(
    read_rows: ReadRows,
) -> None:
    names = {"a": "page?gclid", "b": "from.page?"}
    dialect = NdjsonFormat.model_validate({"kind": "ndjson", "names": names})
    rows = read_rows(
        as_lines(
            '{"page": "/x?xgclid=no&gclid=K%C3%A9y+1&gclid=no#top", "from": {"page": "/y?q=1"}}',
            '{"page": "/x#?gclid=no", "from": {"page": "/z#a"}}',
            '{"page": "/x?gclid=&a", "from": null}',
            '{"page": null, "page?gclid": "itself"}',
        ),
        dialect,
    )
    assert values(rows) == [("Kéy 1", "/y"), (None, "/z"), (None, None), ("itself", None)]
    assert read_rows.last is not None
    assert read_rows.last.columns == ("a", "b")
    assert read_rows.last.unknown_keys == ()


def test_a_parameter_that_no_column_can_hold_sets_its_record_aside(read_rows: ReadRows) -> None:
    dialect = NdjsonFormat.model_validate({"kind": "ndjson", "names": {"a": "page?q"}})
    rows = read_rows(as_lines('{"page": "/?q=a%00b"}', '{"page": "/?q=%FF"}'), dialect)
    assert misshapen(rows) == [(1, "nul_character")]
    assert values(rows) == [("\ufffd", None)]


def test_text_between_two_lines_of_json_is_one_malformed_record(read_rows: ReadRows) -> None:
    rows = read_rows(b'{"a": 1}\n{"a": 2} {"a": 3}\n\n  \n{"a": 4}\r\n', LINES)
    assert misshapen(rows) == [(2, "malformed_json")]
    assert [row["_line"] for row in rows] == [1, 2, 5]


@pytest.mark.parametrize(
    "data, dialect, fault",
    [
        (b"", LINES, Fault.EMPTY),
        (b"", ARRAY, Fault.EMPTY),
        (b'{"a": 1}\n{"a": 1', LINES, Fault.CUT_OFF),
        (b"[", ARRAY, Fault.CUT_OFF),
        (b'[{"a": 1}', ARRAY, Fault.CUT_OFF),
        (b'[{"a": 1},', ARRAY, Fault.CUT_OFF),
        (b'[{"a": 1},{"a', ARRAY, Fault.CUT_OFF),
        (b'[{"a": 1} {"a": 2}]', ARRAY, Fault.BROKEN_DOCUMENT),
        (b'[{"a": 1}] x', ARRAY, Fault.BROKEN_DOCUMENT),
        (b'{"a": 1}', ARRAY, Fault.BROKEN_DOCUMENT),
        (b'{"data": {}}', JsonFormat(path=("data",)), Fault.BROKEN_DOCUMENT),
        (b'{"other": []}', JsonFormat(path=("data",)), Fault.BROKEN_DOCUMENT),
        (b'{"data": []', JsonFormat(path=("data",)), Fault.CUT_OFF),
        (b'{"data": [], "data": []}', JsonFormat(path=("data",)), Fault.BROKEN_DOCUMENT),
        (b'{"data": [], "x": nope}', JsonFormat(path=("data",)), Fault.BROKEN_DOCUMENT),
        (b'{"x": "cut', JsonFormat(path=("data",)), Fault.BROKEN_DOCUMENT),
        (b'[{"a": "' + b"x" * 3_000_000, JsonFormat(greatest_record=1024), Fault.BROKEN_DOCUMENT),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused_with_its_fault(
    read_rows: ReadRows, data: bytes, dialect: TextFormat, fault: Fault
) -> None:
    with pytest.raises(TextFileError) as refused:
        read_rows(data, dialect)
    assert refused.value.fault is fault


def test_no_bytes_are_no_records_only_where_that_is_declared(read_rows: ReadRows) -> None:
    assert read_rows(b"", NdjsonFormat(may_be_empty=True)) == []
    packed = NdjsonFormat(may_be_empty=True, compression="gzip")
    assert read_rows(gzip.compress(b""), packed) == []
    with pytest.raises(TextFileError, match="broken_gzip"):
        read_rows(b"", packed)
    assert read_rows(b"[\n]\n", ARRAY) == []


def test_a_whole_last_object_needs_no_line_end_and_a_cut_one_is_never_read(
    read_rows: ReadRows,
) -> None:
    whole = b'{"a": 1}\n{"a": 2.1234}'
    assert values(read_rows(whole, LINES)) == [("1", None), ("2.1234", None)]
    start = whole.index(b'{"a": 2')
    for length in range(start + 1, len(whole)):
        with pytest.raises(TextFileError, match="cut_off"):
            read_rows(whole[:length], LINES)


def test_the_array_is_found_at_its_path_and_its_neighbours_are_not_read(
    read_rows: ReadRows,
) -> None:
    data = b'{"meta": {"items": [9]}, "data": {"x": [1, 2], "items": [{"a": 1}, {"a": 2}], "y": 0}}'
    rows = read_rows(data, JsonFormat(path=("data", "items")))
    assert values(rows) == [("1", None), ("2", None)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_what_is_found_does_not_depend_on_where_the_pieces_end(
    read_rows: ReadRows, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    from orchestration.sources.text_files import count

    monkeypatch.setattr(json_records, "_CHUNK", chunk)
    monkeypatch.setattr(count, "_CHUNK", chunk)
    objects = ['{"a": 12.5, "b": "],{\\"\\\\"}', "12", '{"b": [1, {"x": "]"}]}', '{"a": NaN}']
    rows = read_rows(as_array(*objects), ARRAY)
    assert values(rows) == [("12.5", '],{"\\'), (None, '[1,{"x":"]"}]')]
    assert misshapen(rows) == [(3, "not_an_object"), (5, "malformed_json")]
    assert values(read_rows(as_lines('{"a": 1}', "", '{"b": 2}'), LINES)) == [
        ("1", None),
        (None, "2"),
    ]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("xyz"), inner)
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    objects=st.lists(st.fixed_dictionaries({}, optional={"a": NESTED, "b": NESTED})),
    is_array=st.booleans(),
    ascii_only=st.booleans(),
)
def test_what_was_written_is_read(
    read_rows: ReadRows, objects: list[dict[str, Any]], is_array: bool, ascii_only: bool
) -> None:
    texts = [json.dumps(item, ensure_ascii=ascii_only) for item in objects]
    rows = (
        read_rows(as_array(*texts), ARRAY)
        if is_array
        else read_rows(as_lines(*texts), NdjsonFormat(may_be_empty=True))
    )
    assert misshapen(rows) == []
    for item, read in zip(objects, values(rows), strict=True):
        for key, text in zip(("a", "b"), read, strict=True):
            value = item.get(key)
            assert (
                text == value
                if isinstance(value, str)
                else ((None if text is None else json.loads(text)) == value)
            )
