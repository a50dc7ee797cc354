"""Worlds for tests that run the whole pipeline: one is built, each test gets a copy."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.file_lock import hold_file
from tests.pipeline.worlds import FIRST, LAST, World
from tests.tiny_world import build_tiny_panel

PATIENCE = 500.0
"""Seconds to wait for the process that builds a world; less than a test may take."""


def _environment(home: Path, panel: Path) -> dict[str, str]:
    return {
        "SHOPTHREAD_HOME": str(home),
        "SHOPTHREAD_PANEL_DIR": str(panel),
        "SHOPTHREAD_SOURCES": "complete_journey",
        "SHOPTHREAD_FIRST_DAY": FIRST.isoformat(),
        "SHOPTHREAD_LAST_DAY": LAST.isoformat(),
    }


@pytest.fixture(scope="session")
def _of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that every process of this test session shares."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def tiny_panel(_of_all_workers: Path) -> Path:
    def build(folder: Path) -> None:
        folder.mkdir()
        build_tiny_panel(folder, first=FIRST, last=LAST)

    return _built_once(_of_all_workers / "panel", build)


@pytest.fixture(scope="session")
def built_home(_of_all_workers: Path, tiny_panel: Path) -> Path:
    """The state after one full run that published version 1."""

    def build(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            world = World(_environment(folder / "var", tiny_panel), patch)
            run = world.run(days=(FIRST, LAST))
            assert run.success, f"the clean world does not run: {run.failures}"
            assert world.published_version() == 1

    return _built_once(_of_all_workers / "built", build) / "var"


def _built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Let the first process that asks build it; the others wait and get the same.

    What a build left that broke is removed, so the next one who asks tries for itself.
    """
    done = folder.with_suffix(".done")
    with hold_file(folder.with_suffix(".lock"), f"the tests that need {folder.name}", PATIENCE):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            build(folder)
            done.touch()
    return folder


@pytest.fixture
def empty_world(tmp_path: Path, tiny_panel: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which nothing has run."""
    return World(_environment(tmp_path / "empty", tiny_panel), monkeypatch)


@pytest.fixture
def world(
    tmp_path: Path, tiny_panel: Path, built_home: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A copy of the world after its first full run."""
    home = tmp_path / "var"
    shutil.copytree(built_home, home, symlinks=True)
    return World(_environment(home, tiny_panel), monkeypatch)
