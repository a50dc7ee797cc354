"""Readers that stay through many publishes: each keeps its answer, and what they hold is told."""

import dataclasses
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    PublishContext,
    PublishOptions,
    PublishResult,
    connect,
    pinned,
    publish,
    versions,
)
from orchestration.settings import Settings

PUBLISHES = 11
KEEP = 3


@pytest.fixture
def settings(tiny: Settings) -> Settings:
    return tiny


@pytest.fixture
def next_version(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> Callable[[int], PublishResult]:
    """Publish a mart that holds the number of its version."""

    def run(number: int) -> PublishResult:
        with duckdb.connect(str(settings.warehouse_path)) as warehouse:
            warehouse.execute(
                "create or replace table kpi.kpi_number as"
                f" select {number} as number from range(1000)"
            )
        return publish(
            settings,
            run_id=f"run-{number}",
            parent=number - 1 or None,
            context=context,
            options=dataclasses.replace(options, keep=KEEP),
        )

    return run


def disk_use(folder: Path) -> int:
    """Bytes of every file that has a name, each once."""
    files = {
        (state.st_dev, state.st_ino): state.st_blocks * 512
        for path in folder.rglob("*")
        if not path.is_symlink()
        for state in [path.stat()]
        if path.is_file()
    }
    return sum(files.values())


def test_readers_pinned_through_ten_publishes_keep_their_answers_and_the_disk_stays_bounded(
    settings: Settings, next_version: Callable[[int], PublishResult]
) -> None:
    most = 0
    with ExitStack() as stack:
        readers = []
        for number in range(1, PUBLISHES + 1):
            next_version(number)
            most = max(most, disk_use(settings.published_dir)) if number <= KEEP else most
            readers.append(stack.enter_context(connect(settings)))
            # Every reader so far, the oldest ten publishes after it opened its version.
            told = [
                reader.execute("select distinct number from kpi_number").fetchall()
                for reader in readers
            ]
            assert told == [[(seen,)] for seen in range(1, number + 1)]
            assert len(versions(settings)) <= KEEP
            assert disk_use(settings.published_dir) <= most * 1.2, "retention bounds it"
        held = pinned(settings)
        removed = list(range(1, PUBLISHES - KEEP + 1))
        assert [item.version for item in held] == removed
        analytics = (settings.published_dir / str(PUBLISHES) / "analytics.duckdb").stat()
        for item in held:
            assert item.processes == (os.getpid(),)
            assert item.bytes == pytest.approx(analytics.st_blocks * 512, rel=0.2)
    assert pinned(settings) == ()


def test_a_kept_version_that_is_read_pins_nothing(
    settings: Settings, next_version: Callable[[int], PublishResult]
) -> None:
    next_version(1)
    with connect(settings):
        assert pinned(settings) == ()
