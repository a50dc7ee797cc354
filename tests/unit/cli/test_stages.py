"""Stages of a run, counted from its events."""

import pytest

from orchestration.cli._stages import (
    CheckAnswer,
    Event,
    Happening,
    RunRecord,
    Stage,
    StageState,
    stage_of,
)

STEPS = ["land_complete_journey__products", "build_staging", "judge_staging", "publish_version"]


@pytest.mark.parametrize(
    "step, stage",
    [
        ("land_complete_journey__transactions", Stage.LANDING),
        ("build_staging", Stage.STAGING),
        ("judge_staging_2", Stage.STAGING),
        ("build_int_identity", Stage.IDENTITY),
        ("judge_int_journey", Stage.JOURNEY),
        ("build_marts_3", Stage.MARTS),
        ("judge_kpi", Stage.KPI),
        ("build_quality", Stage.QUALITY),
        ("publish_version", Stage.PUBLISH),
        ("write_report", Stage.REPORT),
    ],
)
def test_every_step_belongs_to_a_word_of_the_flow(step: str, stage: Stage) -> None:
    assert stage_of(step) is stage


def test_stages_stand_in_the_order_of_the_flow() -> None:
    assert list(RunRecord(reversed(STEPS)).stages) == [Stage.LANDING, Stage.STAGING, Stage.PUBLISH]


def test_a_stage_lasts_from_its_first_start_to_its_last_end() -> None:
    record = RunRecord(STEPS)
    for happening, at, step in [
        (Happening.STARTED, 10.0, "build_staging"),
        (Happening.DONE, 14.0, "build_staging"),
        (Happening.STARTED, 15.0, "judge_staging"),
    ]:
        record.take(Event(happening, at, step))
    stage = record.stages[Stage.STAGING]
    assert stage.state is StageState.RUNNING
    assert stage.seconds(now=18.0) == 8.0
    record.take(Event(Happening.DONE, 17.0, "judge_staging"))
    assert record.stages[Stage.STAGING].state is StageState.DONE
    assert stage.seconds(now=99.0) == 7.0
    assert record.seconds_of(Stage.REPORT, 99.0) == 0.0


def test_an_asset_built_for_many_days_counts_once() -> None:
    record = RunRecord(STEPS)
    for _ in range(14):
        record.take(Event(Happening.BUILT, 1.0, STEPS[0], asset="landing/x/y"))
    assert record.stages[Stage.LANDING].built == {"landing/x/y"}


def test_only_a_blocking_check_closes_a_stage() -> None:
    record = RunRecord(STEPS)
    warning = CheckAnswer("a/b", "freshness", passed=False, closes_gate=False, text="old")
    closing = CheckAnswer("a/b", "contract", passed=False, closes_gate=True, text="3 rows")
    record.take(Event(Happening.STARTED, 1.0, "build_staging"))
    record.take(Event(Happening.CHECKED, 1.0, "build_staging", check=warning))
    assert record.stages[Stage.STAGING].state is StageState.RUNNING
    record.take(Event(Happening.CHECKED, 2.0, "build_staging", check=closing))
    assert record.stages[Stage.STAGING].state is StageState.FAILED
    assert record.closed == [closing]
    assert record.warnings == [warning]


def test_a_failed_step_keeps_its_reason_and_one_stopped_by_a_check_has_none() -> None:
    record = RunRecord(STEPS)
    record.take(Event(Happening.FAILED, 1.0, "build_staging", text="models that failed: x"))
    record.take(Event(Happening.FAILED, 1.0, "judge_staging"))
    assert record.failures == [("build_staging", "models that failed: x")]


def test_a_stage_whose_steps_were_all_skipped_was_not_built() -> None:
    record = RunRecord(STEPS)
    record.take(Event(Happening.SKIPPED, 1.0, "publish_version"))
    assert record.stages[Stage.PUBLISH].state is StageState.SKIPPED


def test_a_run_that_fails_outside_of_its_steps_says_why() -> None:
    record = RunRecord(STEPS)
    record.take(Event(Happening.ENDED, 1.0, text="DagsterSubprocessError"))
    assert record.ended_because == "DagsterSubprocessError"
