"""Comparing goes there and back again, tells no time of unequal work, and says what is noise."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bench.harness import (
    BenchError,
    Candidate,
    Comparison,
    Figures,
    Ratio,
    Spread,
    UnequalError,
    compare,
    cpu_ratio,
    in_order,
    inside,
    spreads,
)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="PSS comes from /proc, which is not here"
)


def candidate(
    name: str,
    script: str = "pass",
    answer: Callable[[Path], Mapping[str, object]] | None = lambda _: {"rows": 1},
    prepare: Callable[[Path], None] = lambda _: None,
    *,
    measured_inside: bool = False,
) -> Candidate:
    """A candidate that runs a line of Python, which knows its folder as argument 1."""
    return Candidate(
        name,
        command=lambda place: [sys.executable, "-S", "-c", script, str(place)],
        answer=answer,
        prepare=prepare,
        measured_inside=measured_inside,
    )


def test_rounds_go_there_and_back_again(tmp_path: Path) -> None:
    order: list[str] = []
    both = [candidate(name, prepare=lambda place: order.append(place.name)) for name in ("a", "b")]
    outcome = compare(Comparison("pair", both, ()), 3, tmp_path)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert len(outcome.rounds) == 3
    assert outcome.compared == 1


def test_three_candidates_turn_round_as_well() -> None:
    three = [candidate(name) for name in ("a", "b", "c")]
    assert [one.name for one in in_order(three, 1)] == ["c", "b", "a"]


def test_a_name_with_a_comma_is_a_folder_without_one(tmp_path: Path) -> None:
    seen: list[str] = []
    one = candidate("Run, tiny world", prepare=lambda place: seen.append(place.name))
    compare(Comparison("pair", [one], ()), 1, tmp_path)
    assert seen == ["run-tiny-world"]


def test_a_different_answer_is_an_error_that_names_the_result_and_tells_no_time(
    tmp_path: Path,
) -> None:
    ours = candidate("ours", answer=lambda _: {"orders": 3, "lines": 9})
    wrong = candidate("fast", answer=lambda _: {"orders": 3, "lines": 8})
    with pytest.raises(UnequalError, match="1 of 2 results of fast") as raised:
        compare(Comparison("pair", [ours, wrong], [cpu_ratio("r", "ours", "fast")]), 2, tmp_path)
    assert "lines: 9 against 8" in str(raised.value)
    assert "no time is told" in str(raised.value)


def test_an_answer_that_lacks_a_result_is_not_equal(tmp_path: Path) -> None:
    ours = candidate("ours", answer=lambda _: {"orders": 3, "lines": 9})
    lazy = candidate("lazy", answer=lambda _: {"orders": 3})
    with pytest.raises(UnequalError, match="lines: 9 against missing"):
        compare(Comparison("pair", [ours, lazy], ()), 1, tmp_path)


def test_two_empty_answers_prove_nothing(tmp_path: Path) -> None:
    both = [candidate(name, answer=lambda _: {}) for name in ("a", "b")]
    with pytest.raises(UnequalError, match="nothing that could be compared"):
        compare(Comparison("pair", both, ()), 1, tmp_path)


def test_a_candidate_without_an_answer_is_measured_and_not_compared(tmp_path: Path) -> None:
    both = [candidate("a"), candidate("b", answer=None)]
    outcome = compare(Comparison("pair", both, ()), 1, tmp_path)
    assert set(outcome.rounds[0]) == {"a", "b"}
    assert outcome.compared == 0


def test_a_candidate_that_fails_ends_the_comparison_and_names_its_output(tmp_path: Path) -> None:
    broken = candidate("broken", "import sys; print('why'); sys.exit(3)")
    with pytest.raises(BenchError, match="broken ended with 3") as raised:
        compare(Comparison("pair", [broken], ()), 1, tmp_path)
    output = Path(str(raised.value).rpartition(" ")[2])
    assert output.read_text().startswith("why\n")


def test_what_ran_equal_is_removed_and_what_did_not_is_kept(tmp_path: Path) -> None:
    compare(Comparison("fine", [candidate("a"), candidate("b")], ()), 1, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnequalError):
        compare(
            Comparison("odd", [candidate("a"), candidate("b", answer=lambda _: {})], ()),
            1,
            tmp_path,
        )
    assert (tmp_path / "odd-1" / "b").is_dir()


def test_a_program_may_measure_itself_from_where_the_work_begins(tmp_path: Path) -> None:
    inner = {"cpu_seconds": 0.25, "wall_seconds": 0.5, "parts": {"judging": 0.1}}
    script = (
        f"import pathlib, sys; pathlib.Path(sys.argv[1], 'inside.json')"
        f".write_text({json.dumps(inner)!r})"
    )
    outcome = compare(
        Comparison("inside", [candidate("a", script, measured_inside=True)], ()), 1, tmp_path
    )
    figures = outcome.rounds[0]["a"]
    assert (figures.cpu_seconds, figures.wall_seconds) == (0.25, 0.5)
    assert figures.parts == {"judging": 0.1}


def test_parts_of_the_work_add_up_inside_the_whole(tmp_path: Path) -> None:
    with inside(tmp_path) as parts:
        for _ in range(2):
            with parts.part("counting"):
                sum(range(200_000))
    written = json.loads((tmp_path / "inside.json").read_text())
    assert set(written["parts"]) == {"counting"}
    # Rounded to four digits each.
    assert written["parts"]["counting"] <= written["cpu_seconds"] + 0.001


def test_what_a_candidate_leaves_behind_is_not_charged_to_the_next(tmp_path: Path) -> None:
    # A child burns half a second, says so, and outlives its parent by a second.
    script = (
        "import os, time\n"
        "ready, done = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    while time.process_time() < 0.5: pass\n"
        "    os.write(done, b'.')\n"
        "    time.sleep(1)\n"
        "    os._exit(0)\n"
        "os.read(ready, 1)\n"
    )
    both = [candidate("leaves", script), candidate("next", "import time; time.sleep(1.5)")]
    (figures,) = compare(Comparison("pair", both, ()), 1, tmp_path).rounds
    assert figures["next"].cpu_seconds < 0.4


def test_a_ratio_is_taken_inside_each_round() -> None:
    rounds = [
        {"ours": Figures(cpu, cpu, 1.0), "floor": Figures(floor, floor, 1.0)}
        for cpu, floor in ((4.0, 2.0), (9.0, 3.0), (16.0, 4.0))
    ]
    (spread,) = spreads([cpu_ratio("ours / floor", "ours", "floor")], rounds)
    assert spread.values == (2.0, 3.0, 4.0)
    assert spread.median == 3.0


@pytest.mark.parametrize(
    "values, is_unstable",
    [((1.0, 1.0, 1.25), False), ((1.0, 1.0, 1.26), True), ((2.0,), False), ((0.5, 1.0), True)],
)
def test_rounds_further_apart_than_a_quarter_of_their_median_are_unstable(
    values: tuple[float, ...], is_unstable: bool
) -> None:
    assert Spread("r", values).is_unstable is is_unstable


def test_an_aim_is_an_upper_bound_and_noise_is_said_before_it() -> None:
    assert Spread("r", (1.5, 1.5), aim=1.5).verdict == "met"
    assert Spread("r", (1.6, 1.6), aim=1.5).verdict == "missed"
    assert Spread("r", (1.0, 2.0, 3.0), aim=1.5).verdict == "UNSTABLE, missed"
    assert Spread("r", (1.0,)).verdict == ""


def test_no_rounds_is_a_mistake_and_not_an_empty_table(tmp_path: Path) -> None:
    ratio = Ratio("r", lambda one: one["a"].cpu_seconds)
    with pytest.raises(BenchError, match="0 rounds"):
        compare(Comparison("none", [candidate("a")], [ratio]), 0, tmp_path)
