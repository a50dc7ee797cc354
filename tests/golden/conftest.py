"""The published panel: one full run of the default input, by the command a person types."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GIVEN = "SHOPTHREAD_PANEL_HOME"
"""Variable that names the home of a demo of this very code, as CI has one. Only read."""

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def panel_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The process environment with a home of its own, or with that of a demo that just ran."""
    home = os.environ.get(GIVEN) or tmp_path_factory.mktemp("panel") / "var"
    return {**os.environ, "SHOPTHREAD_HOME": str(home)}


@pytest.fixture(scope="session")
def published_panel(panel_environment: dict[str, str]) -> Path:
    """Home after `shopthread demo --no-ui`."""
    if GIVEN in os.environ:
        home = Path(os.environ[GIVEN])
        assert (home / "published" / "current.json").is_file(), f"nothing is published in {home}"
        return home
    finished = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "demo", "--no-ui"],
        env=panel_environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-4000:]
    return Path(panel_environment["SHOPTHREAD_HOME"])


@pytest.fixture(scope="session")
def query(published_panel: Path, panel_environment: dict[str, str]) -> Callable[[str], Rows]:
    """Ask the published version through `shopthread query`."""

    def ask(sql: str) -> Rows:
        finished = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "query", sql, "--format", "json"],
            env=panel_environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert finished.returncode == 0, finished.stderr
        rows = json.loads(finished.stdout)
        assert isinstance(rows, list)
        return rows

    return ask
