"""The clock of the machine may jump: numbers order versions, never times."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.publish import (
    PublishContext,
    PublishOptions,
    PublishResult,
    StaleSource,
    current,
    fall_back,
    history,
    publish,
    rollback,
    versions,
)
from orchestration.settings import Settings
from tests.unit.publish.conftest import flip

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CLOCK = (
    NOON,
    NOON - timedelta(hours=2),
    NOON + timedelta(days=1),
    NOON - timedelta(hours=1),
    NOON - timedelta(days=400),
)
"""Noon, set back two hours, a day ahead, back again, and a machine that lost its time."""


@pytest.fixture
def settings(tiny: Settings) -> Settings:
    return tiny


@pytest.fixture
def publish_at(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> Callable[..., PublishResult]:
    def run(moment: datetime, keep: int = 9) -> PublishResult:
        now = current(settings)
        parent = None if now is None else now.version
        stale = StaleSource(source_key="s", entity="e", reason=f"on {parent}")
        told = dataclasses.replace(context, published_at=moment, stale_sources=(stale,))
        return publish(
            settings,
            run_id=f"on-{parent}",
            parent=parent,
            context=told,
            options=dataclasses.replace(options, keep=keep),
        )

    return run


def test_versions_follow_each_other_by_number_whatever_the_clock_says(
    settings: Settings, publish_at: Callable[..., PublishResult]
) -> None:
    for number, moment in enumerate(CLOCK, start=1):
        result = publish_at(moment)
        assert (result.version, result.published.manifest.parent) == (number, number - 1 or None)
        now = current(settings)
        assert now is not None
        assert (now.version, now.manifest.published_at) == (number, moment)
    assert [found.version for found in versions(settings)] == [1, 2, 3, 4, 5]
    published = [event for event in history(settings) if event["event"] == "published"]
    assert [event["version"] for event in published] == [1, 2, 3, 4, 5]
    assert [event["at"] for event in published] == [
        moment.isoformat(timespec="seconds") for moment in CLOCK
    ], "the history keeps the order of what happened, and tells the clock as it was"


def test_retention_removes_the_lowest_numbers_and_never_the_earliest_times(
    settings: Settings, publish_at: Callable[..., PublishResult]
) -> None:
    pruned = [publish_at(moment, keep=2).pruned for moment in CLOCK]
    assert pruned == [(), (), (1,), (2,), (3,)]
    assert [found.version for found in versions(settings)] == [4, 5]


def test_a_rollback_goes_to_the_parent_and_a_fall_back_to_the_number_before(
    settings: Settings, publish_at: Callable[..., PublishResult]
) -> None:
    for moment in CLOCK:
        publish_at(moment)
    assert rollback(settings, at=NOON - timedelta(days=900)).version == 4
    assert publish_at(NOON - timedelta(days=800)).published.manifest.parent == 4
    flip(settings.published_dir / "6" / "analytics.duckdb", 300)
    fallen = fall_back(settings, at=NOON - timedelta(days=1_000))
    assert fallen is not None
    assert (fallen.damaged_version, fallen.to_version) == (6, 5)
    now = current(settings)
    assert now is not None
    assert (now.version, now.fell_back) == (5, fallen), "an alarm of the past is an alarm"
    assert publish_at(NOON - timedelta(days=1_100)).version == 7
