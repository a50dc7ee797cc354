"""Numbers, times and labelled lines as people read them."""

from pathlib import Path

import pytest

from orchestration.cli._terminal import (
    count,
    duration,
    plural,
    printable,
    say_block,
    short_count,
    short_path,
)


@pytest.mark.parametrize(
    "seconds, text",
    [(0.04, "0.0 s"), (0.44, "0.4 s"), (14.2, "14 s"), (59.6, "1 m 00 s"), (112, "1 m 52 s")],
)
def test_seconds_are_told_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_hours_keep_their_minutes() -> None:
    assert duration(3780) == "1 h 03 m"


def test_counts_have_thousands_apart_and_millions_are_short() -> None:
    assert count(1469307) == "1,469,307"
    assert short_count(22_634_567) == "22.6 M"
    assert short_count(999_999) == "999,999"
    assert plural(1, "entity", "entities") == "1 entity"
    assert plural(8, "entity", "entities") == "8 entities"


def test_a_path_below_here_is_relative(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(tmp_path / "var" / "report.html") == "var/report.html"
    assert short_path(Path("/elsewhere/x")) == "/elsewhere/x"


def test_a_label_that_repeats_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    say_block([("why", "first"), ("why", "second"), ("next", "third")])
    assert capsys.readouterr().out == " why       first\n           second\n next      third\n"


def test_a_long_line_is_not_broken_where_a_program_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_block([("why", "word " * 100)])
    assert capsys.readouterr().out.count("\n") == 1


def test_control_characters_are_written_as_escapes() -> None:
    assert printable("é\x1b[0m\n") == "é\\x1b[0m\\n"
