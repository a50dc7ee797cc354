"""What is read out of logs and events means what the table says it means."""

from pathlib import Path

import pytest

from bench.gates import contract_lines, data_test_lines, shares, suite_lines
from bench.harness import BenchError, Figures
from bench.query import QUESTIONS, percentile, percentiles
from bench.record import Line
from bench.run_events import Invocation, RunEvents, read_dbt_log
from bench.ui import first_events

RUN = RunEvents(
    seconds=100.0,
    steps={
        "land_complete_journey__transactions": (1.0, 11.0),
        "build_staging": (12.0, 32.0),
        "judge_staging": (33.0, 36.0),
        "build_marts": (40.0, 70.0),
        "judge_marts": (71.0, 72.0),
        "publish_version": (80.0, 90.0),
    },
    events=10,
    checks=5,
)

UNTESTED = Figures(0.0, 0.0, 0.0, {"calling dbt": 0.0})

NODES_LOG = """\
2026-11-26T08:18:16+00:00 call with 4 results
2026-11-26T08:18:16+00:00 success model.shopthread.stg_a in 0.500 s
2026-11-26T08:18:16+00:00 success seed.shopthread.kpis in 0.250 s
2026-11-26T08:18:16+00:00 pass test.shopthread.not_null_stg_a_key.1a in 0.300 s
2026-11-26T08:18:16+00:00 warn test.shopthread.few_lines_sell_an_unknown_product 3 rows in 0.200 s: why
2026-11-26T08:20:16+00:00 call with 1 results
2026-11-26T08:20:16+00:00 pass test.shopthread.unique_fct_orders_order_key.2b in 1.000 s
"""


def test_each_call_of_dbt_tells_its_models_and_seeds_from_its_tests(tmp_path: Path) -> None:
    log = tmp_path / "nodes.log"
    log.write_text(NODES_LOG, "utf-8")
    first, second = read_dbt_log(log)
    assert (first.model_seconds, first.test_seconds, first.tests) == (0.75, 0.5, 2)
    assert (second.model_seconds, second.test_seconds, second.tests) == (0, 1.0, 1)


def test_a_contract_takes_its_part_of_its_landing_step() -> None:
    landed = Figures(9.0, 9.0, 1.0, {"landing transactions": 8.0, "judging transactions": 2.0})
    (line,) = contract_lines(RUN, landed)
    assert line.what == "contract of transactions"
    assert (line.cpu_seconds, line.wall_seconds) == (2.0, 2.5)


def test_data_tests_of_a_home_that_ran_twice_are_those_of_the_newest_run() -> None:
    calls = [Invocation(1.0, seconds, 3) for seconds in (8.0, 6.0, 4.0, 2.0)]
    lines = data_test_lines(RUN, calls, UNTESTED)
    assert [line.what for line in lines] == ["data tests of staging", "data tests of marts"]
    # Two threads work at a time, so a second of the step is two of theirs.
    assert [line.wall_seconds for line in lines] == [2.0, 1.0]


def test_fewer_calls_of_dbt_than_layers_is_an_error_and_not_a_shorter_table() -> None:
    with pytest.raises(ValueError, match="shorter"):
        data_test_lines(RUN, [Invocation(1.0, 1.0, 1)], UNTESTED)


def test_the_price_of_calling_dbt_is_not_the_price_of_data_tests() -> None:
    parts = {"calling dbt": 1.5, "testing staging": 4.0, "testing marts": 1.0}
    calls = [Invocation(1.0, 1.0, 1), Invocation(1.0, 1.0, 1)]
    lines = data_test_lines(RUN, calls, Figures(9.0, 9.0, 1.0, parts))
    assert [line.cpu_seconds for line in lines] == [2.5, 0.0]


def test_the_share_of_gates_is_told_of_cpu_seconds_only_where_those_of_the_run_are_known() -> None:
    lines = [Line("suites of staging", 2.0, 4.0), Line("data tests of staging", 1.0, 3.4)]
    spreads, note = shares(RUN, lines, None)
    assert [(one.label, one.values) for one in spreads] == [("gates / all steps, wall", (0.1,))]
    assert "7.4 s of gates in 74.0 s of 6 steps" in note
    spreads, note = shares(RUN, lines, 15.0)
    assert (spreads[0].label, spreads[0].values) == ("gates / run, CPU", (0.2,))
    assert spreads[0].verdict == "missed"
    assert note.startswith("3.0 of 15.0 CPU s")


def test_suites_are_steps_in_the_order_of_the_run() -> None:
    lines = suite_lines(RUN, Figures(1.0, 1.0, 1.0, {"judging staging": 0.7}))
    assert [(line.what, line.wall_seconds) for line in lines] == [
        ("suites of staging", 3.0),
        ("suites of marts", 1.0),
    ]
    assert [line.cpu_seconds for line in lines] == [0.7, None]


def test_the_first_event_of_each_kind_counts_from_the_launch() -> None:
    events = [
        {"eventType": "RUN_START", "timestamp": "103000"},
        {"eventType": "STEP_START", "timestamp": "109500"},
        {"eventType": "STEP_START", "timestamp": "105500"},
        {},
    ]
    assert first_events(events, 100.0) == {"RUN_START": 3.0, "STEP_START": 5.5}


def test_a_run_without_a_step_is_no_fast_run() -> None:
    with pytest.raises(BenchError, match="no step started"):
        first_events([{"eventType": "RUN_FAILURE", "timestamp": "103000"}], 100.0)


def test_percentiles_are_told_in_milliseconds() -> None:
    seconds = [number / 1000 for number in range(1, 22)]
    assert percentile(seconds, 50) == pytest.approx(0.011)
    assert percentiles(seconds) == "p50 11 ms, p95 20 ms"
    assert percentile([0.25], 95) == 0.25


def test_there_are_ten_questions_and_each_begins_with_itself() -> None:
    first_lines = {
        path.stem: path.read_text("utf-8").split("\n")[0] for path in QUESTIONS.glob("*.sql")
    }
    assert len(first_lines) == 10
    assert {
        name
        for name, line in first_lines.items()
        if not (line.startswith("-- ") and line.endswith("?"))
    } == set()
