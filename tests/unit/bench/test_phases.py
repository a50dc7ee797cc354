"""Phases that could not be compared tell no time and end the command with an error."""

from pathlib import Path

import pytest

from bench import phases
from bench.harness import UnequalError
from bench.record import Line, PhaseResult
from bench.worlds import Worlds


def unequal(_worlds: Worlds, _rounds: int) -> PhaseResult:
    raise UnequalError("full: 1 of 21 results of hand-written SQL are not those of the run")


def fine(_worlds: Worlds, rounds: int) -> PhaseResult:
    return PhaseResult("fine", (Line("a line", float(rounds)),))


def test_an_unequal_phase_fails_the_command_and_leaves_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(phases, "PHASES", {"full": unequal})
    history = tmp_path / "history.jsonl"
    assert phases.run(["full"], Worlds(tmp_path), 1, history) == 1
    told = capsys.readouterr()
    assert "1 of 21 results" in told.err
    assert told.out == ""
    assert not history.exists()


def test_a_phase_that_fails_does_not_take_the_others_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(phases, "PHASES", {"full": unequal, "fine": fine})
    history = tmp_path / "history.jsonl"
    assert phases.run(["full", "fine"], Worlds(tmp_path), 2, history) == 1
    assert "2.00" in capsys.readouterr().out
    assert len(history.read_text("utf-8").splitlines()) == 1


def test_every_phase_of_the_readme_is_a_phase_and_the_other_way_round() -> None:
    readme = (Path(phases.__file__).parent / "README.md").read_text("utf-8")
    table = readme.partition("| phase |")[2].partition("\n\n")[0]
    named = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert named == list(phases.PHASES)
