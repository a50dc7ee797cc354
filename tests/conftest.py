"""What every test may rely on: a clean environment, golden tables, a browser, peers' data.

Also keeps the results of tests that claim a row of the mission, for `make docs`. Fixtures
of one layer belong to the conftest.py of its folder.
"""

import csv
import io
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import mission

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
KEPT = (
    "SHOPTHREAD_DUCKDB1_PYTHON",
    "SHOPTHREAD_PANEL_HOME",
    "SHOPTHREAD_PEERS",
    "SHOPTHREAD_PYTHON",
    "SHOPTHREAD_SECOND_PYTHON",
)
FIRST = (
    "tests/pipeline/faults/test_warehouse_interrupted.py",
    "tests/dbt/",
    "tests/unit/quality/test_every_suite_can_fail.py",
    "tests/pipeline/",
)
"""One worker builds the world of all pipeline tests while the other has long tests without it;
small files come last, so that both workers end together."""

_outcomes: dict[str, str] = {}
_home = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the expected tables in tests/golden instead of comparing with them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """No test sees the developer's settings, writes into `var/` or calls home."""
    # A shell lets what it starts in the background ignore Ctrl-C, and so would all that the
    # tests start; some of them press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in list(os.environ):
        if name.startswith("SHOPTHREAD_") and name not in KEPT:
            del os.environ[name]
    os.environ.pop("DAGSTER_HOME", None)
    home = tempfile.mkdtemp(prefix="shopthread-tests-")
    config.stash[_home] = home
    os.environ["SHOPTHREAD_HOME"] = home
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash.get(_home, ""), ignore_errors=True)


def _turn(item: pytest.Item) -> int:
    """When a test has its turn; what has the same keeps its order."""
    return next(
        (turn for turn, path in enumerate(FIRST) if item.nodeid.startswith(path)), len(FIRST)
    )


@cache
def claiming_tests() -> frozenset[str]:
    """Every test that claims a row of the mission."""
    return frozenset(claim.test for claim in mission.read_claims(ROOT))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files for two workers, and refuse a mark that the mission page could not see."""
    if gone := [path for path in FIRST if not (ROOT / path).exists()]:
        raise pytest.UsageError(f"tests/conftest.py orders tests that are not there: {gone}")
    items.sort(key=_turn)
    try:
        known = {(claim.test, claim.row, claim.part) for claim in mission.read_claims(ROOT)}
    except mission.MissionError as error:
        raise pytest.UsageError(str(error)) from error
    for item in items:
        test = item.nodeid.partition("[")[0]
        for mark in item.iter_markers("mission"):
            for row in mark.args:
                if (test, row, mark.kwargs.get("part")) not in known:
                    raise pytest.UsageError(
                        f"{item.nodeid}: the mark mission({row!r}) is not written as a decorator "
                        "or pytestmark with plain texts, so docs/reference/mission.md misses it"
                    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.nodeid.partition("[")[0] not in claiming_tests():
        return
    before = _outcomes.get(report.nodeid, mission.PASSED)
    if report.failed:
        _outcomes[report.nodeid] = mission.FAILED
    elif report.skipped and before != mission.FAILED:
        _outcomes[report.nodeid] = mission.SKIPPED
    elif report.when == "call":
        _outcomes[report.nodeid] = before


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the results, replacing only those of tests that ran now."""
    if (
        hasattr(session.config, "workerinput")
        or not _outcomes
        or getattr(session.config, "cache", None) is None
    ):
        return
    ran = {node.partition("[")[0] for node in _outcomes}
    kept = session.config.cache.get(mission.RESULTS_KEY, {})
    results = {node: o for node, o in kept.items() if node.partition("[")[0] not in ran}
    session.config.cache.set(mission.RESULTS_KEY, dict(sorted((results | _outcomes).items())))


@pytest.fixture
def golden(
    request: pytest.FixtureRequest,
) -> Callable[[str, Sequence[str], Iterable[object]], None]:
    """Compare rows with tests/golden/<name>.csv, in the order given.

    `golden("orders_by_month", ["month", "orders"], rows)`. `make golden` writes the files;
    a change of one is reviewed as a diff.
    """

    def compare(name: str, header: Sequence[str], rows: Iterable[object]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            assert isinstance(row, tuple | list), f"a golden row is a tuple, not {type(row)}"
            writer.writerow(["" if value is None else str(value) for value in row])
        file = GOLDEN / f"{name}.csv"
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.getvalue(), encoding="utf-8")
            return
        assert file.is_file(), f"{file.name} does not exist; `make golden` writes it"
        assert text.getvalue().splitlines() == file.read_text(encoding="utf-8").splitlines()

    return compare


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Headless Chromium of the system. Skips where there is none, fails there in CI.

    Ends with its module: its event loop would stop other tests from running one.
    """
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        reason = "no Chromium on PATH: browser tests prove nothing here; install one"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    quiet += ["--disable-gpu", "--disable-quic", "--no-first-run"]
    if os.geteuid() == 0:
        quiet.append("--no-sandbox")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def peers() -> Path:
    """Folder of other projects' published test data; skips where it is absent."""
    folder = Path(os.environ.get("SHOPTHREAD_PEERS") or ROOT.parent / "shared" / "peers")
    if not folder.is_dir():
        pytest.skip(f"no peers' data at {folder}: nothing is compared; set SHOPTHREAD_PEERS")
    return folder
