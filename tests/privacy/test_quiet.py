"""Nothing calls home: telemetry is off in every process, and DuckDB fetches no extension.

The variables that switch telemetry off are taken away first, so the product has to set them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_DIR
from tests.privacy.opened_databases import STATEMENTS, every_connection
from tests.privacy.telemetry_facts import CI_VARIABLES, SWITCHES
from tools.offline import NOT_POSSIBLE


def environment_of_a_stranger(home: Path) -> dict[str, str]:
    """What a shell has in which nobody thought of telemetry, nor ever used DuckDB."""
    dropped = {*SWITCHES, *CI_VARIABLES}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    kept.pop("DAGSTER_HOME", None)
    return {**kept, "SHOPTHREAD_HOME": str(home / "var"), "HOME": str(home)}


def answer(home: Path, *arguments: str) -> object:
    finished = subprocess.run(
        [sys.executable, *arguments],
        env=environment_of_a_stranger(home),
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if finished.returncode == NOT_POSSIBLE:
        pytest.skip(finished.stderr.strip())
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("process", ["a step", "a command", "nobody"])
def test_every_library_says_that_its_telemetry_is_off(tmp_path: Path, process: str) -> None:
    said = answer(tmp_path, "-m", "tests.privacy.telemetry_facts", process)
    assert isinstance(said, dict)
    # Left alone Dagster and dbt send; Great Expectations does not any more.
    sends = process == "nobody"
    assert said == {
        "dagster uploads": sends,
        "dagster writes": sends,
        "dbt": sends,
        "gx": False,
    }


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_that_needs_an_extension_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, opened in every_connection(tmp_path):
        with opened as connection, pytest.raises(duckdb.Error) as refused:
            connection.execute(statement)
        told = str(refused.value).lower()
        assert any(word in told for word in STATEMENTS[statement]), f"{name}: {told}"


def test_and_it_asks_no_network(tmp_path: Path) -> None:
    said = answer(
        tmp_path, "-m", "tools.offline", sys.executable, "-m", "tests.privacy.opened_databases"
    )
    assert said == {"refused": True, "unreachable": 0, "a plain connection tries": True}
