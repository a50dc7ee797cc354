"""Nothing needs a network: the denial holds for every child, and work never notices it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_DIR
from tests.pipeline.command_line import CommandLine
from tests.pipeline.worlds import FIRST, LAST
from tests.privacy.telemetry_facts import SWITCHES
from tests.tiny_world import build_tiny_panel
from tools.offline import NOT_POSSIBLE

# An address that belongs to nobody (RFC 5737), so that a test on a network does no harm.
CHILD = """
import socket, sys
if sys.argv[1] == "loopback":
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
elif sys.argv[1] == "name":
    socket.getaddrinfo("example.org", 443)
else:
    socket.create_connection(("192.0.2.1", 9), timeout=5).close()
"""
PARENT = """
import subprocess, sys
from tools.offline import unreachable_count
codes = [
    subprocess.run([sys.executable, "-c", sys.argv[1], where], capture_output=True).returncode
    for where in ("loopback", "address", "name")
]
print(codes, unreachable_count() > 1)
"""


def offline(*command: str) -> str:
    """What a command says that reaches nothing but this machine."""
    finished = subprocess.run(
        [sys.executable, "-m", "tools.offline", *command],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    if finished.returncode == NOT_POSSIBLE:
        pytest.skip(finished.stderr.strip())
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout.strip()


def test_a_child_reaches_the_loopback_and_nothing_else() -> None:
    assert offline(sys.executable, "-c", PARENT, CHILD) == "[0, 1, 1] True"


def test_the_exit_code_of_the_command_is_kept() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tools.offline", sys.executable, "-c", "raise SystemExit(3)"],
        cwd=PROJECT_DIR,
        check=False,
        capture_output=True,
    )
    assert finished.returncode in {3, NOT_POSSIBLE}


def test_landing_and_publishing_never_look_beyond_this_machine(tmp_path: Path) -> None:
    said = offline(sys.executable, "-m", "tests.privacy.small_work", str(tmp_path))
    assert said == "rows 2, version 1, unreachable 0"


COMMANDS: Sequence[Sequence[str]] = (
    ("demo", "--no-ui"),
    ("run",),
    ("status",),
    ("query", "select count(*) as orders from fct_orders"),
    ("report",),
    ("doctor",),
)
COUNTING = """
import subprocess, sys
from tools.offline import unreachable_count
for line in sys.argv[1].splitlines():
    command = [sys.executable, "-m", "orchestration.cli", *line.split("|")]
    finished = subprocess.run(command, capture_output=True, text=True)
    print(line.split("|")[0], finished.returncode, unreachable_count())
    if finished.returncode:
        print(finished.stdout, finished.stderr)
"""


@pytest.mark.long
def test_no_command_looks_beyond_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = build_tiny_panel(tmp_path / "panel", first=FIRST, last=LAST)
    for name, value in CommandLine(tmp_path / "var", panel).variables.items():
        monkeypatch.setenv(name, value)
    # The product itself has to be quiet, not the tests' environment.
    for name in ("DAGSTER_HOME", *SWITCHES):
        monkeypatch.delenv(name, raising=False)
    lines = "\n".join("|".join(command) for command in COMMANDS)
    said = offline(sys.executable, "-c", COUNTING, lines)
    assert said.splitlines() == [f"{command[0]} 0 0" for command in COMMANDS], said
