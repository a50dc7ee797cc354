"""Measuring sees the whole tree of processes, and passes the exit code on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="PSS comes from /proc, which is not here"
)


def measured(tmp_path: Path, *command: str) -> dict[str, float]:
    file = tmp_path / "figures.json"
    arguments = ["--interval", "0.05", "--json", str(file), "--", *command]
    result = subprocess.run(
        [sys.executable, "-m", "tools.measure", *arguments], cwd=ROOT, check=False
    )
    figures: dict[str, float] = json.loads(file.read_text())
    assert result.returncode == figures["exit_code"]
    return figures


def hold(mib: int) -> str:
    """A program that holds so much memory for half a second."""
    return f"import time; held = bytearray({mib * MIB}); time.sleep(0.5)"


def test_memory_of_children_adds_up(tmp_path: Path) -> None:
    script = f"""
import subprocess, sys
both = [subprocess.Popen([sys.executable, "-c", {hold(80)!r}]) for _ in range(2)]
sys.exit(max(child.wait() for child in both))
"""
    figures = measured(tmp_path, sys.executable, "-c", script)
    assert 160 <= figures["peak_pss_mib"] < 260
    assert figures["peak_processes"] >= 3
    assert 0.5 <= figures["wall_seconds"] < 20


def test_a_process_that_lost_its_parent_still_counts(tmp_path: Path) -> None:
    script = f"""
import os, subprocess, sys, time
if os.fork() == 0:
    subprocess.Popen([sys.executable, "-c", {hold(80)!r}], start_new_session=True)
    os._exit(0)
time.sleep(0.6)
"""
    figures = measured(tmp_path, sys.executable, "-c", script)
    assert figures["peak_pss_mib"] >= 80


def test_cpu_of_a_process_nobody_waited_for_counts(tmp_path: Path) -> None:
    done = tmp_path / "done"
    busy = (
        "import pathlib, time; end = time.process_time() + 0.5\n"
        "while time.process_time() < end: pass\n"
        f"pathlib.Path({str(done)!r}).touch(); time.sleep(1)"
    )
    script = f"""
import os, pathlib, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {busy!r}])
while not pathlib.Path({str(done)!r}).exists():
    time.sleep(0.1)
time.sleep(0.5)
os._exit(0)
"""
    assert measured(tmp_path, sys.executable, "-c", script)["cpu_seconds"] >= 0.4


def test_the_exit_code_is_the_commands(tmp_path: Path) -> None:
    assert measured(tmp_path, sys.executable, "-c", "raise SystemExit(7)")["exit_code"] == 7
