"""Worlds for tests that run the whole pipeline: one is built, each test gets a copy."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.worlds import FIRST, LAST, World
from tests.tiny_world import build_tiny_panel


def _environment(home: Path, panel: Path) -> dict[str, str]:
    return {
        "SHOPTHREAD_HOME": str(home),
        "SHOPTHREAD_PANEL_DIR": str(panel),
        "SHOPTHREAD_SOURCES": "complete_journey",
        "SHOPTHREAD_FIRST_DAY": FIRST.isoformat(),
        "SHOPTHREAD_LAST_DAY": LAST.isoformat(),
    }


@pytest.fixture(scope="session")
def tiny_panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_panel(tmp_path_factory.mktemp("panel"), first=FIRST, last=LAST)


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory, tiny_panel: Path) -> Path:
    """The state after one full run that published version 1."""
    home = tmp_path_factory.mktemp("built") / "var"
    with pytest.MonkeyPatch.context() as patch:
        world = World(_environment(home, tiny_panel), patch)
        run = world.run(days=(FIRST, LAST))
        assert run.success, f"the clean world does not run: {run.failures}"
        assert world.published_version() == 1
    return home


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
