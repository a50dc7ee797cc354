"""How versions follow each other: fenced, rolled back, pruned, repaired."""

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.publish import (
    FencedError,
    PublishContext,
    PublishedStateError,
    PublishError,
    PublishOptions,
    PublishResult,
    StaleSource,
    UnknownVersionError,
    VerificationError,
    connect,
    current,
    history,
    publish,
    rollback,
    versions,
)
from orchestration.publish.manifest import Manifest, write_manifest
from orchestration.publish.publisher import Step
from orchestration.settings import Settings


@pytest.fixture
def settings(tiny: Settings) -> Settings:
    """Only the order of versions matters here, so one small mart is enough."""
    return tiny


@pytest.fixture
def next_version(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> Callable[[], PublishResult]:
    """Publish another state of the sources on the current version."""
    counter = iter(range(1, 1000))

    def run() -> PublishResult:
        now = current(settings)
        number = next(counter)
        stale = StaleSource(source_key="s", entity="e", reason=f"refused {number}")
        return publish(
            settings,
            run_id=f"run-{number}",
            parent=now.version if now else None,
            context=dataclasses.replace(context, stale_sources=(stale,)),
            options=options,
        )

    return run


def pointer(settings: Settings) -> int:
    found = json.loads((settings.published_dir / "current.json").read_text())
    assert (settings.published_dir / "current").readlink() == Path(str(found["version"]))
    return int(found["version"])


def test_a_run_built_from_another_parent_is_fenced(
    settings: Settings, context: PublishContext, next_version: Callable[[], PublishResult]
) -> None:
    next_version()
    next_version()
    before = sorted(path.name for path in settings.published_dir.iterdir())
    with pytest.raises(FencedError, match="was built from version 1, but now version 2 is current"):
        publish(settings, run_id="late", parent=1, context=context)
    with pytest.raises(FencedError, match="was built from nothing"):
        publish(settings, run_id="late", parent=None, context=context)
    assert sorted(path.name for path in settings.published_dir.iterdir()) == before
    assert pointer(settings) == 2


def test_a_rollback_while_a_publish_builds_fences_it_out(
    settings: Settings,
    context: PublishContext,
    next_version: Callable[[], PublishResult],
    options: PublishOptions,
) -> None:
    next_version()
    next_version()
    with pytest.raises(FencedError, match="now version 1 is current"):
        publish(
            settings,
            run_id="slow",
            parent=2,
            context=context,
            confirm=lambda: (rollback(settings, 1), None)[1],
            options=options,
        )
    assert pointer(settings) == 1
    assert [found.version for found in versions(settings)] == [1, 2]


def test_a_run_that_may_not_go_on_publishes_nothing(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> None:
    def stop() -> None:
        raise RuntimeError("the run was cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        publish(
            settings,
            run_id="r",
            parent=None,
            context=context,
            confirm=stop,
            options=options,
        )
    assert current(settings) is None
    assert not [path for path in settings.published_dir.iterdir() if path.is_dir()]


def test_rollback_moves_the_pointer_at_once_and_the_next_version_has_the_right_parent(
    settings: Settings, next_version: Callable[[], PublishResult]
) -> None:
    next_version()
    next_version()
    with connect(settings) as pinned:
        began = time.monotonic()
        back = rollback(settings, reason="wrong prices")
        assert time.monotonic() - began < 1
        assert pinned.execute("select count(*) from dim_kpi").fetchone() == (3,)
    assert (back.version, pointer(settings), back.is_current) == (1, 1, True)
    third = next_version()
    assert (third.version, third.published.manifest.parent) == (3, 1)
    events = [(event["event"], event.get("version")) for event in history(settings)]
    assert events == [
        ("placing", 1),
        ("published", 1),
        ("placing", 2),
        ("published", 2),
        ("rolled_back", None),
        ("placing", 3),
        ("published", 3),
    ]
    told = history(settings)[4]
    assert (told["from"], told["to"], told["reason"]) == (2, 1, "wrong prices")
    assert [found.version for found in versions(settings)] == [1, 2, 3]


def test_rollback_refuses_what_is_not_there_or_not_whole(
    settings: Settings, next_version: Callable[[], PublishResult]
) -> None:
    with pytest.raises(UnknownVersionError, match="nothing is published"):
        rollback(settings)
    next_version()
    with pytest.raises(UnknownVersionError, match="without a parent"):
        rollback(settings)
    next_version()
    with pytest.raises(UnknownVersionError, match=r"version 7 is not in .* kept versions: 1, 2"):
        rollback(settings, to=7)
    assert rollback(settings, to=2).version == 2, "the current one: nothing to do"
    (settings.published_dir / "1" / "identified.duckdb").unlink()
    with pytest.raises(UnknownVersionError, match="version 1 is not whole"):
        rollback(settings, to=1)
    assert pointer(settings) == 2


def test_old_versions_go_but_never_the_current_one_or_its_parent(
    settings: Settings, next_version: Callable[[], PublishResult]
) -> None:
    for _ in range(4):
        last = next_version()
    assert last.pruned == (2,)
    assert [found.version for found in versions(settings)] == [3, 4]
    rollback(settings, 3)
    assert next_version().version == 5
    # 4 and 5 are the last two; 3 is where a rollback from 5 would go.
    assert [found.version for found in versions(settings)] == [3, 4, 5]
    with pytest.raises(UnknownVersionError):
        rollback(settings, to=1)


def test_a_number_is_never_used_twice(
    settings: Settings, next_version: Callable[[], PublishResult]
) -> None:
    next_version()
    next_version()
    rollback(settings, 1)
    with (settings.published_dir / "history.jsonl").open("a") as file:
        file.write('{"event": "pruned", "version": 9}\n{"event": "publ')
    assert next_version().version == 10
    assert history(settings)[-1]["version"] == 10, "the torn line did not swallow the next one"


def test_without_a_history_no_version_is_taken_for_a_leftover(
    settings: Settings, next_version: Callable[[], PublishResult]
) -> None:
    next_version()
    next_version()
    (settings.published_dir / "history.jsonl").unlink()
    next_version()
    assert [found.version for found in versions(settings)] == [2, 3]


def test_a_foreign_write_ahead_log_is_removed_by_the_next_publish(
    settings: Settings, next_version: Callable[[], PublishResult]
) -> None:
    next_version()
    wal = settings.published_dir / "1" / "analytics.duckdb.wal"
    wal.write_bytes(b"left by a client that opened the file for writing")
    with pytest.raises(
        PublishedStateError, match=r"analytics\.duckdb\.wal lies beside a published file"
    ):
        connect(settings)
    next_version()
    assert not wal.exists()


def test_a_pointer_that_names_nothing_is_an_error_and_the_next_publish_repairs_it(
    settings: Settings,
    next_version: Callable[[], PublishResult],
    context: PublishContext,
    options: PublishOptions,
) -> None:
    next_version()
    shutil.rmtree(settings.published_dir / "1")
    with pytest.raises(PublishedStateError, match=r"1/manifest\.json cannot be read"):
        current(settings)
    repaired = publish(
        settings,
        run_id="after",
        parent=1,
        context=context,
        options=options,
    )
    assert (repaired.version, pointer(settings)) == (2, 2)
    (settings.published_dir / "current.json").unlink()
    (settings.published_dir / "current.json").write_text("{}")
    with pytest.raises(PublishedStateError, match="is not a pointer of this product"):
        current(settings)


def test_what_the_second_process_does_not_confirm_is_not_published(
    settings: Settings, context: PublishContext
) -> None:
    def damage(step: Step, _detail: str) -> None:
        if step is Step.SEALED:
            building = next(settings.published_dir.glob(".building-*"))
            os.truncate(building / "parquet" / "kpi" / "dim_kpi.parquet", 40)
            for name in ("manifest.json", "manifest.sha256"):
                (building / name).chmod(0o600)
            text = json.loads((building / "manifest.json").read_text())
            text["marts"]["kpi.dim_kpi"]["content_hash"] = "0" * 32
            write_manifest(building, Manifest.model_validate(text))

    with pytest.raises(VerificationError) as refused:
        publish(
            settings,
            run_id="r",
            parent=None,
            context=context,
            on_step=damage,
        )
    message = str(refused.value)
    assert "parquet/kpi/dim_kpi.parquet has 40 bytes" in message
    assert "analytics.duckdb kpi.dim_kpi has the right number of rows but other" in message
    assert "Nothing was published and the current version stays served" in message
    assert current(settings) is None


def test_a_second_publisher_is_told_who_holds_the_lock(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> None:
    refusals: list[str] = []

    def meanwhile(step: Step, _detail: str) -> None:
        if step is Step.ANALYTICS_BUILT:
            with pytest.raises(PublishError) as refused:
                publish(
                    settings,
                    run_id="second",
                    parent=None,
                    context=context,
                    options=PublishOptions(wait_seconds=0.05),
                )
            refusals.append(str(refused.value))

    publish(
        settings,
        run_id="first",
        parent=None,
        context=context,
        on_step=meanwhile,
        options=options,
    )
    assert len(refusals) == 1
    assert "publish by run first" in refusals[0]
    assert f'"pid": {os.getpid()}' in refusals[0]
