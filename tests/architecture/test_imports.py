"""What importing costs and touches: pure packages stay pure, the code location opens nothing."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PURE = ("landing", "publish", "quality", "report", "settings", "sources", "warehouse")
HEAVY = ("dagster", "dagster_dbt", "dbt.cli", "great_expectations", "pandas")


def run(root: Path, script: str) -> str:
    """Run a script in a fresh interpreter and give what it printed last."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.strip().splitlines()[-1]


def loaded_by(root: Path, module: str) -> set[str]:
    """Heavy modules that importing `module` loads."""
    script = f"""
        import json, sys
        import {module}
        print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
    """
    return set(json.loads(run(root, script)))


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_loads_nothing_heavy(root: Path, package: str) -> None:
    assert loaded_by(root, f"orchestration.{package}") == set()


def test_the_command_answers_before_anything_heavy_is_loaded(root: Path) -> None:
    assert loaded_by(root, "orchestration.cli") == set()


def test_a_heavy_import_would_be_seen(root: Path) -> None:
    assert "dagster" in loaded_by(root, "dagster")


WATCH = """
    import os, sys
    import dagster, dagster_dbt  # theirs is not ours to judge
    root = os.getcwd()
    touched = []
    reading = (os.O_WRONLY | os.O_RDWR | os.O_CREAT)

    def watch(event, arguments):
        if event in ("socket.connect", "socket.bind", "sqlite3.connect"):
            touched.append(f"{event} {arguments}")
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & reading:
            name = str(arguments[0])
            if "__pycache__" not in name and not name.startswith(root + "/dbt_project/target"):
                touched.append(f"opens {name} for writing")

    sys.addaudithook(watch)
    %s
    touched += [name for name in ("duckdb", "great_expectations") if name in (%s)]
    print("touched:", "; ".join(touched))
"""


def test_importing_the_code_location_touches_nothing(root: Path) -> None:
    loaded = "[n for n in ('great_expectations',) if n in sys.modules]"
    script = WATCH % ("import orchestration.definitions", loaded)
    assert run(root, script) == "touched:"


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "open('/dev/null', 'w')",
        "import sqlite3; sqlite3.connect(':memory:')",
        "import socket; socket.socket().bind(('127.0.0.1', 0))",
    ],
)
def test_a_touch_would_be_seen(root: Path, line: str) -> None:
    assert run(root, WATCH % (line, "[]")) != "touched:"
