"""Rows on their way to spreadsheets, programs and terminals."""

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.cli._formats import neutralised, write_csv, write_json, write_table

FORMULAS = [
    '=HYPERLINK("http://x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    "＝1+1",  # noqa: RUF001
    "＋1",  # noqa: RUF001
    "－1",  # noqa: RUF001
    "＠A1",  # noqa: RUF001
]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert neutralised(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "1-2", "'=1", " x", "é"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutralised(text) == text


@given(st.text())
def test_no_cell_of_a_csv_starts_a_formula(text: str) -> None:
    out = io.StringIO()
    write_csv(out, ["a"], [[text]])
    cell = next(iter(list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]), [""])
    first = cell[0][:1] if cell else ""
    assert first == "" or first not in "=+-@\t\r\n\0＝＋－＠"  # noqa: RUF001


def test_numbers_dates_and_nulls_are_not_text() -> None:
    out = io.StringIO()
    row = [-5, Decimal("-0.50"), -1.5, date(2017, 1, 2), datetime(2017, 1, 2, 3, 4), None, True]
    assert write_csv(out, list("abcdefg"), [row]) == 1
    assert out.getvalue() == "a,b,c,d,e,f,g\n-5,-0.50,-1.5,2017-01-02,2017-01-02 03:04:00,,true\n"


def test_raw_leaves_text_and_names_alone() -> None:
    out = io.StringIO()
    write_csv(out, ["-name"], [["=1+1"]], raw=True)
    assert out.getvalue() == "-name\n=1+1\n"


def test_a_name_that_is_a_formula_is_neutralised_too() -> None:
    out = io.StringIO()
    write_csv(out, ["=1+1"], [])
    assert out.getvalue() == "'=1+1\n"


def test_json_keeps_every_digit_of_a_decimal() -> None:
    out = io.StringIO()
    write_json(out, ["net"], [[Decimal("4596039.5800")], [Decimal("0.1000000000000000000001")]])
    assert "4596039.5800" in out.getvalue()
    kept = json.loads(out.getvalue(), parse_float=Decimal)
    assert kept[1]["net"] == Decimal("0.1000000000000000000001")


def test_json_says_null_for_what_it_cannot_say() -> None:
    out = io.StringIO()
    write_json(out, ["a", "b", "c"], [[float("nan"), float("inf"), None]])
    assert json.loads(out.getvalue()) == [{"a": None, "b": None, "c": None}]


def test_json_numbers_names_that_repeat_and_nests() -> None:
    out = io.StringIO()
    write_json(out, ["a", "a", "list"], [[1, 2, [{"x": Decimal("1.0")}, "é"]]])
    assert json.loads(out.getvalue()) == [{"a": 1, "a_2": 2, "list": [{"x": 1.0}, "é"]}]


def test_no_rows_are_an_empty_array() -> None:
    out = io.StringIO()
    assert write_json(out, ["a"], []) == 0
    assert json.loads(out.getvalue()) == []


def test_a_table_stops_at_its_limit_and_says_that_more_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = iter([[number] for number in range(5)])
    assert write_table(["n"], ["BIGINT"], rows, 3) == (3, True)
    assert write_table(["n"], ["BIGINT"], iter([[1]]), 0) == (1, False)
    assert "2" in capsys.readouterr().out


def test_text_of_a_table_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(["a\x1b[2J"], ["VARCHAR"], iter([["\x1b[31mred\x07 [bold]plain[/bold]"]]), 10)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b[31mred\\x07 [bold]plain[/bold]" in shown
