"""A disk that is full: what is served stays, bytes are named, and nothing is left behind."""

import dataclasses
import errno
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.publish import (
    Outcome,
    PublishContext,
    PublishError,
    PublishOptions,
    PublishResult,
    StaleSource,
    UnfinishedError,
    connect,
    current,
    publish,
    query,
    versions,
)
from orchestration.publish.durability import replace_text
from orchestration.publish.publisher import Step
from orchestration.settings import Settings
from tests.small_disk import SmallDisk, small_disk

MEGA = 1_000_000
ROOM = (0, MEGA // 2, MEGA, 3 * MEGA, 4 * MEGA, 6 * MEGA, 8 * MEGA, 10 * MEGA, 12 * MEGA, 14 * MEGA)
"""Refused before the build up to the third; from then on the disk fills up during it."""


@pytest.fixture
def settings(tiny: Settings) -> Settings:
    return tiny


@pytest.fixture
def disk(settings: Settings) -> Iterator[SmallDisk]:
    """The published folder on a disk of its own."""
    with small_disk(settings.published_dir, 64 * MEGA) as disk:
        yield disk


@pytest.fixture
def publish_on(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> Callable[..., PublishResult]:
    def run(parent: int | None, **more: Any) -> PublishResult:
        stale = StaleSource(source_key="s", entity="e", reason=f"on {parent}")
        told = dataclasses.replace(context, stale_sources=(stale,))
        return publish(settings, run_id="r", parent=parent, context=told, options=options, **more)

    return run


def grow(settings: Settings) -> None:
    """Marts that need some 16 MB, where the last version has below one."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute(
            "create table kpi.kpi_large as"
            " select md5(i::varchar) || md5((-i)::varchar) as text from range(240000) t(i)"
        )


def everything(folder: Path) -> dict[str, str]:
    """Names and contents below `folder`, but for the notes of locks."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in folder.rglob("*")
        if not path.name.endswith(".lock")
    }


def test_a_publish_on_ten_full_disks_leaves_what_is_served_and_no_file(
    settings: Settings, disk: SmallDisk, publish_on: Callable[..., PublishResult]
) -> None:
    publish_on(None)
    grow(settings)
    before = everything(disk.folder)
    told = []
    for room in ROOM:
        disk.leave_free(room)
        with pytest.raises(PublishError) as refused:
            publish_on(1)
        told.append(str(refused.value))
        assert everything(disk.folder) == before, f"{room} bytes were free"
        with query(settings, "select count(*) from dim_kpi") as result:
            assert (list(result.rows), result.alarm) == ([(3,)], None)
    for message in told:
        assert str(disk.folder) in message
        assert "Nothing was published" in message
        assert "version 1 stays served" in message
        assert "publish again: `shopthread publish`" in message
    assert [("has " in text, "ran full" in text) for text in told] == [
        *[(True, False)] * 3,
        *[(True, True)] * 7,
    ]
    disk.leave_free(64 * MEGA)
    healed = publish_on(1)
    assert (healed.outcome, healed.version) == (Outcome.PUBLISHED, 2)
    with connect(settings) as reader:
        assert reader.execute("select count(*) from kpi_large").fetchone() == (240_000,)


def test_a_first_publish_asks_for_the_size_of_the_warehouse(
    settings: Settings, disk: SmallDisk, publish_on: Callable[..., PublishResult]
) -> None:
    disk.leave_free(100_000)
    with pytest.raises(
        PublishError, match=r"needs up to [\d,]+\. Nothing was published; nothing is"
    ):
        publish_on(None)
    assert current(settings) is None


def test_a_file_that_cannot_be_replaced_stays_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 128 * 1024) as disk:
        pointer = disk.folder / "current.json"
        replace_text(pointer, "as it was", mode=0o440)
        with pytest.raises(OSError, match="No space left"):
            replace_text(pointer, "x" * MEGA, mode=0o440)
        assert [path.name for path in disk.folder.iterdir()] == ["current.json"]
        assert pointer.read_text() == "as it was"


def full_at(wanted: Step) -> Callable[[Step, str], None]:
    def fail(step: Step, _detail: str) -> None:
        if step is wanted:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a file")

    return fail


def test_a_version_whose_pointer_cannot_be_moved_is_removed_again(
    settings: Settings, publish_on: Callable[..., PublishResult]
) -> None:
    publish_on(None)
    with pytest.raises(PublishError, match=r"ran full during a publish.*version 1 stays served"):
        publish_on(1, on_step=full_at(Step.PLACED))
    assert [found.version for found in versions(settings)] == [1]
    assert not (settings.published_dir / "2").exists()
    assert publish_on(1).version == 3, "its number is not used again"


@pytest.mark.parametrize("step", [Step.POINTER_MOVED, Step.LINK_MOVED, Step.RECORDED, Step.PRUNED])
def test_a_failure_after_the_pointer_moved_says_that_the_version_is_served(
    settings: Settings, publish_on: Callable[..., PublishResult], step: Step
) -> None:
    publish_on(None)
    with pytest.raises(UnfinishedError, match="version 2 is published and served, but what comes"):
        publish_on(1, on_step=full_at(step))
    now = current(settings)
    assert now is not None
    assert now.version == 2
    assert publish_on(1).outcome is Outcome.UNCHANGED, "the same run again finishes it"
    assert (settings.published_dir / "current").readlink() == Path("2")
