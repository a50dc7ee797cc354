"""`shopthread` from outside: real processes, real runs, what they print and answer."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import duckdb
import psutil
import pytest

from orchestration.cli._stages import Stage, stage_of
from orchestration.cli._ui import free_port
from orchestration.file_lock import hold_file
from orchestration.publish import current
from tests.pipeline.command_line import CommandLine, words
from tests.pipeline.worlds import FIRST, LAST, World

pytestmark = pytest.mark.slow

NOBODY: dict[str, object] = {"warehouse": None, "command_line_run": None, "run_workers": []}


@pytest.fixture
def shopthread(tmp_path: Path, tiny_panel: Path, built_home: Path) -> CommandLine:
    """The command line on a copy of the home after its first full run."""
    home = tmp_path / "var"
    shutil.copytree(built_home, home, symlinks=True)
    home.chmod(0o700)
    return CommandLine(home, tiny_panel)


@pytest.fixture(scope="module")
def second_run(
    tmp_path_factory: pytest.TempPathFactory, tiny_panel: Path, built_home: Path
) -> tuple[CommandLine, "subprocess.CompletedProcess[str]"]:
    """A full run on the command line after which nothing is new. Only for reading."""
    home = tmp_path_factory.mktemp("second") / "var"
    shutil.copytree(built_home, home, symlinks=True)
    home.chmod(0o700)
    shopthread = CommandLine(home, tiny_panel)
    return shopthread, shopthread("demo", "--no-ui")


Second = tuple[CommandLine, "subprocess.CompletedProcess[str]"]


def test_every_step_of_the_job_belongs_to_a_stage(world: World) -> None:
    steps = [node.name for node in world.defs().resolve_job_def("full").nodes]
    assert {stage_of(step) for step in steps} == set(Stage)
    assert [step for step in steps if stage_of(step) is Stage.PUBLISH] == ["publish_version"]
    assert [step for step in steps if stage_of(step) is Stage.REPORT] == ["write_report"]


@pytest.mark.mission("M011", part="one command from input to published marts")
def test_a_second_run_finds_nothing_new_and_says_that_the_marts_are_equal(
    second_run: Second,
) -> None:
    shopthread, finished = second_run
    assert finished.returncode == 0, finished.stdout + finished.stderr
    said = words(finished.stdout)
    assert re.search(r"landing 8 entities [\d,]+ rows nothing new 0 refused", said)
    assert re.search(r"gates [\d,]+ passed 0 failed 0 could not run", said)
    assert re.search(r"all \d+ marts are hash-equal to version 1", said)
    assert f"version 1 data as of {LAST}" in said
    assert "simulated, from real grocery shopping patterns" in said
    assert finished.stderr == ""
    now = current(shopthread.settings)
    assert now is not None
    assert now.version == 1


def test_the_summary_compares_sales_with_what_landing_serves(second_run: Second) -> None:
    shopthread, finished = second_run
    answer = shopthread(
        "query", "select sum(net_amount) as net from fct_orders", "--format", "json"
    )
    net = json.loads(answer.stdout)[0]["net"]
    panel = shopthread.panel / "transactions.parquet"
    with duckdb.connect() as connection:
        row = connection.execute(
            f"select sum(sales_value::decimal(18, 2))::double from '{panel}'"
        ).fetchone()
    assert row is not None
    assert net == pytest.approx(row[0])
    assert f"sales {net:,.2f} = source {net:,.2f} difference 0.00" in words(finished.stdout)


def test_every_stage_has_its_line_with_seconds(second_run: Second) -> None:
    said = words(second_run[1].stdout)
    for stage in Stage:
        assert re.search(rf"{stage.value} done [\d.]+ [sm]", said), stage


def test_status_knows_the_run_and_the_doctor_finds_nothing(second_run: Second) -> None:
    shopthread, _ = second_run
    facts = shopthread.status()
    assert facts["last_run"]["status"] == "success"
    assert facts["last_run"]["job"] == "full"
    assert facts["locks"] == NOBODY
    assert {item["state"] for item in facts["sources"]} == {"fresh"}
    assert all(item["is_balanced"] for item in facts["sources"])
    examined = shopthread("doctor")
    assert examined.returncode == 0, examined.stdout


def test_what_a_run_writes_is_private(second_run: Second) -> None:
    home = second_run[0].home
    exposed = [
        path
        for path in (
            home,
            *home.iterdir(),
            *(home / "logs").iterdir(),
            *(home / "dagster").iterdir(),
        )
        if path.name != "published" and path.stat().st_mode & 0o077
    ]
    # The copied state was made by a test without the command's umask: its folder closes it.
    assert home not in exposed
    assert [path for path in exposed if path.parent.name in {"logs"}] == []


def test_publish_alone_goes_through_the_guard_and_changes_nothing(shopthread: CommandLine) -> None:
    finished = shopthread("publish")
    assert finished.returncode == 0, finished.stdout
    assert "hash-equal to version 1" in words(finished.stdout)
    assert "staging" not in finished.stdout


def test_a_second_command_is_kept_out_while_one_runs(shopthread: CommandLine) -> None:
    from orchestration.cli._instance import run_lock_path

    with hold_file(run_lock_path(shopthread.settings), "shopthread"):
        finished = shopthread("run")
    assert finished.returncode == 1
    assert "another run goes on: shopthread (process" in words(finished.stderr)
    assert shopthread.status()["last_run"]["status"] == "success"


def test_as_of_moves_the_date_of_the_published_version(shopthread: CommandLine) -> None:
    finished = shopthread("run", "--from", str(FIRST), "--to", str(LAST), "--as-of", "2017-01-10")
    assert finished.returncode == 0, finished.stdout
    assert "data as of 2017-01-10" in finished.stdout


def test_a_killed_command_is_reported_and_the_next_run_takes_over(
    shopthread: CommandLine,
) -> None:
    started = shopthread.start("run")
    try:
        killed = _wait_for_a_step(shopthread)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
    assert shopthread.status()["last_run"]["run_id"] == killed
    finished = shopthread("publish")
    assert finished.returncode in {0, 1}, finished.stdout
    with sqlite3.connect(shopthread.home / "dagster" / "history" / "runs.db") as runs:
        (status,) = runs.execute("select status from runs where run_id = ?", (killed,)).fetchone()
    assert status == "FAILURE"


def test_ctrl_c_cancels_a_run_and_leaves_no_process(shopthread: CommandLine) -> None:
    started = shopthread.start("run", "--from", str(FIRST), "--to", str(LAST))
    try:
        _wait_for_a_step(shopthread)
        children = psutil.Process(started.pid).children(recursive=True)
        os.killpg(started.pid, signal.SIGINT)
        output, _ = started.communicate(timeout=90)
    finally:
        _end_tree(started)
    assert started.returncode == 130, output
    assert "was canceled; what was published before stays served" in output
    assert _still_there(children) == []
    assert shopthread.status()["locks"] == NOBODY
    assert shopthread.status()["published"]["version"] == 1


def test_the_demo_serves_the_ui_runs_go_through_its_queue_and_ctrl_c_ends_all(
    shopthread: CommandLine,
) -> None:
    port = free_port(3600)
    started = shopthread.start("demo", "--ui", "--port", str(port))
    try:
        url = _wait_for_ui(shopthread, started)
        assert url == f"http://127.0.0.1:{port}/asset-groups"
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/asset-groups")
        assert connection.getresponse().status == 200
        finished = shopthread("run")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert "through the daemon's queue" in finished.stdout
        assert "hash-equal to version 1" in words(finished.stdout)
        assert f"UI {url}" in words(finished.stdout)
        children = psutil.Process(started.pid).children(recursive=True)
        assert children
        listening = {
            connection.laddr.ip
            for process in children
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening <= {"127.0.0.1"}
        started.send_signal(signal.SIGINT)
        output, _ = started.communicate(timeout=90)
        assert started.returncode == 0, output
        assert _still_there(children) == []
        assert shopthread.status()["ui"] is None
    finally:
        _end_tree(started)


def _still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Processes that do not end within seconds; one that only waits to be reaped has ended."""
    _, alive = psutil.wait_procs(processes, timeout=10)
    return [
        process
        for process in alive
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def _end_tree(started: "subprocess.Popen[str]") -> None:
    """End a command that a failed test left running, and all it started."""
    if started.poll() is not None:
        return
    tree = [*psutil.Process(started.pid).children(recursive=True), psutil.Process(started.pid)]
    for process in tree:
        process.kill()
    started.communicate()


def _wait_for_a_step(shopthread: CommandLine) -> str:
    """Wait until a run of this command writes the warehouse; returns its id."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        facts = shopthread.status()
        if facts["last_run"]["status"] == "started" and facts["locks"]["warehouse"]:
            return str(facts["last_run"]["run_id"])
        time.sleep(0.5)
    raise AssertionError("the run did not begin in 240 s")


def _wait_for_ui(shopthread: CommandLine, started: "subprocess.Popen[str]") -> str:
    deadline = time.monotonic() + 480
    while time.monotonic() < deadline:
        assert started.poll() is None, started.communicate()[0]
        url = shopthread.status()["ui"]
        if url is not None:
            assert isinstance(url, str)
            return url
        time.sleep(2)
    raise AssertionError("the UI did not come up in 480 s")
