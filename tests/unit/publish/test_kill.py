"""A publish that is killed leaves the pointer whole, and the next one cleans up."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.publish import (
    Outcome,
    PublishContext,
    StaleSource,
    Step,
    connect,
    current,
    publish,
    versions,
)
from orchestration.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import os, signal, sys
from datetime import UTC, date, datetime
from pathlib import Path
from orchestration.publish import *
from orchestration.settings import load_settings

home, step, parent, reason = sys.argv[1:]

def die(done, detail):
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)

publish(
    load_settings({"SHOPTHREAD_HOME": home}),
    run_id="killed",
    parent=int(parent) or None,
    context=PublishContext(
        as_of=date(2017, 12, 31),
        checks=CheckSummary(passed=212, failed=0, could_not_run=0),
        code_version="0.1.0+test",
        published_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
        stale_sources=(StaleSource(source_key="s", entity="e", reason=reason),),
    ),
    on_step=die,
)
"""


@pytest.fixture
def settings(tiny: Settings) -> Settings:
    """A kill is about steps, not about marts."""
    return tiny


def killed_at(settings: Settings, step: Step, parent: int, reason: str = "killed") -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(settings.home), step, str(parent), reason],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr


def leftovers(settings: Settings) -> set[str]:
    known = {"current", "current.json", "history.jsonl", ".publish.lock", ".pointer.lock"}
    names = {path.name for path in settings.published_dir.iterdir()}
    return names - known - {str(found.version) for found in versions(settings)}


def survives(settings: Settings, context: PublishContext, step: Step) -> None:
    first = publish(settings, run_id="first", parent=None, context=context)
    killed_at(settings, step, parent=1)
    pointer = json.loads((settings.published_dir / "current.json").read_text())
    seen = current(settings)
    assert seen is not None
    has_moved = list(Step).index(step) >= list(Step).index(Step.POINTER_MOVED)
    assert (seen.version, pointer["version"]) == ((2, 2) if has_moved else (1, 1))
    with connect(settings) as reader:
        assert reader.execute("select count(*) from dim_kpi").fetchone() == (3,)
    assert [found.version for found in versions(settings)] == ([1, 2] if has_moved else [1])

    # The same run again: finishes, or finds its own version current; never fenced by itself.
    stale = StaleSource(source_key="s", entity="e", reason="killed")
    again = publish(
        settings,
        run_id="killed",
        parent=1,
        context=dataclasses.replace(context, stale_sources=(stale,)),
    )
    assert again.outcome is (Outcome.UNCHANGED if has_moved else Outcome.PUBLISHED)
    # A number that was taken by a folder in place is not used again.
    assert again.version == (3 if step is Step.PLACED else 2)
    assert again.published.manifest.marts.keys() == first.published.manifest.marts.keys()
    assert leftovers(settings) == set()
    assert (settings.published_dir / "current").readlink() == Path(str(again.version))


@pytest.mark.parametrize("step", [Step.PLACED, Step.POINTER_MOVED])
def test_a_kill_in_a_narrow_place_leaves_the_old_or_the_new_version(
    settings: Settings, context: PublishContext, step: Step
) -> None:
    survives(settings, context, step)


@pytest.mark.slow
@pytest.mark.parametrize("step", list(Step))
def test_a_kill_after_any_step_leaves_the_old_or_the_new_version(
    settings: Settings, context: PublishContext, step: Step
) -> None:
    survives(settings, context, step)


@pytest.mark.slow
def test_five_kills_in_a_row_leave_one_version_and_no_rubbish(
    settings: Settings, context: PublishContext
) -> None:
    publish(settings, run_id="first", parent=None, context=context)
    for number, step in enumerate(
        (Step.STARTED, Step.ANALYTICS_BUILT, Step.SEALED, Step.PLACED, Step.PLACED)
    ):
        killed_at(settings, step, parent=1, reason=f"try {number}")
        assert [found.version for found in versions(settings)] == [1]
    last = publish(settings, run_id="last", parent=1, context=context)
    assert last.outcome is Outcome.UNCHANGED
    assert leftovers(settings) == set()
