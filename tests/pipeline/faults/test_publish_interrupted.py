"""Publish interrupted after each of its steps: the old or the new version, never neither."""

import dataclasses
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.failpoints import Action, Place
from orchestration.publish import (
    CheckSummary,
    Outcome,
    PublishContext,
    PublishOptions,
    StaleSource,
    Step,
    connect,
    current,
    publish,
    versions,
)
from orchestration.publish.verification import differences
from orchestration.settings import Settings, load_settings
from tests.pipeline.faults.children import ACTIONS, interrupted

CONTEXT = PublishContext(
    as_of=date(2017, 12, 31),
    checks=CheckSummary(passed=212, failed=0, could_not_run=0),
    code_version="0.1.0+test",
    published_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
)
NEVER_ENDED = {".publish.lock", ".pointer.lock", "current", "current.json", "history.jsonl"}


def at(step: Step) -> Place:
    return Place(f"publish.{step}")


def verify(building: Path, _seconds: float) -> None:
    """What the second process asks, without its start-up."""
    assert differences(building) == []


def publish_on(home: Path, parent: int | None, reason: str, run_id: str = "interrupted") -> Outcome:
    """Publish with something about the sources that no version has said before."""
    stale = StaleSource(source_key="s", entity="e", reason=reason)
    return publish(
        load_settings({"SHOPTHREAD_HOME": str(home)}),
        run_id=run_id,
        parent=parent,
        context=dataclasses.replace(CONTEXT, stale_sources=(stale,)),
        options=PublishOptions(verify=verify),
    ).outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with version 1 of one small mart; copied, never used itself."""
    home = tmp_path_factory.mktemp("served") / "var"
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    settings.warehouse_path.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("create schema kpi; create table kpi.dim_kpi (kpi_key varchar)")
        warehouse.execute("insert into kpi.dim_kpi values ('orders'), ('units'), ('visits')")
    publish_on(home, None, "first", "first")
    return home


@pytest.fixture
def settings(served: Path, tmp_path: Path) -> Settings:
    home = tmp_path / "var"
    shutil.copytree(served, home, symlinks=True)
    return load_settings({"SHOPTHREAD_HOME": str(home)})


def leftovers(settings: Settings) -> set[str]:
    names = {path.name for path in settings.published_dir.iterdir()}
    return names - NEVER_ENDED - {str(found.version) for found in versions(settings)}


def test_every_step_is_a_failpoint() -> None:
    places = [place for place in Place if place.startswith("publish.")]
    assert places == [at(step) for step in Step]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("step", list(Step))
def test_readers_see_the_old_or_the_new_version_and_the_next_publish_cleans_up(
    settings: Settings, step: Step, action: Action
) -> None:
    interrupted(at(step), action, publish_on, settings.home, 1, "second")
    pointer = json.loads((settings.published_dir / "current.json").read_text())
    seen = current(settings)
    assert seen is not None
    has_moved = list(Step).index(step) >= list(Step).index(Step.POINTER_MOVED)
    assert (seen.version, pointer["version"]) == ((2, 2) if has_moved else (1, 1))
    with connect(settings) as reader:
        assert reader.execute("select count(*) from dim_kpi").fetchone() == (3,)
    assert [found.version for found in versions(settings)] == ([1, 2] if has_moved else [1])

    # The same run again: finishes, or finds its own version current; never fenced by itself.
    again = publish_on(settings.home, 1, "second")
    assert again is (Outcome.UNCHANGED if has_moved else Outcome.PUBLISHED)
    after = current(settings)
    assert after is not None
    # A number that was taken by a folder in place is not used again.
    assert after.version == (3 if step is Step.PLACED else 2)
    assert after.manifest.marts.keys() == seen.manifest.marts.keys()
    assert leftovers(settings) == set()
    assert (settings.published_dir / "current").readlink() == Path(str(after.version))


@pytest.mark.slow
def test_five_kills_in_a_row_leave_one_version_and_no_rubbish(settings: Settings) -> None:
    for number, step in enumerate(
        (Step.STARTED, Step.ANALYTICS_BUILT, Step.SEALED, Step.PLACED, Step.PLACED)
    ):
        interrupted(at(step), Action.KILL, publish_on, settings.home, 1, f"try {number}")
        assert [found.version for found in versions(settings)] == [1]
    assert publish_on(settings.home, 1, "first") is Outcome.UNCHANGED
    assert leftovers(settings) == set()
