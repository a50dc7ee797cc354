"""Eight readers while sixty versions are published: no error, no mixture, no step back.

Each reader is a process that asks some times a second, as tools do: through our connection, through the symlink
with a plain DuckDB client, or through the Parquet files of the version the pointer names.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    CheckSummary,
    Outcome,
    PublishContext,
    PublishOptions,
    publish,
    versions,
)
from orchestration.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
WAYS = ["connect"] * 4 + ["link"] * 2 + ["parquet"] * 2
READERS = len(WAYS)
PUBLISHES = 60
ROWS = 2_000
PAUSE_SECONDS = 0.2
MARTS = ("customer.dim_customer", "commerce.fct_orders", "journey.fct_touchpoints")
READER = """
import json, os, sys, time
from pathlib import Path
import duckdb
from orchestration.publish import connect
from orchestration.settings import load_settings

home, way, stop, rows, pause = sys.argv[1:]
ROWS, PAUSE, TEST = int(rows), float(pause), os.getppid()
settings = load_settings({"SHOPTHREAD_HOME": home})
published = settings.published_dir
MARTS = ("customer.dim_customer", "commerce.fct_orders", "journey.fct_touchpoints")

def through_connect():
    with connect(settings) as reader:
        return [reader.execute(f"select min(v), max(v), count(*) from {m}").fetchone() for m in MARTS]

def through_link():
    file = published / "current" / "analytics.duckdb"
    with duckdb.connect(str(file), read_only=True) as reader:
        bare = [m.split(".")[1] for m in MARTS]
        return [reader.execute(f"select min(v), max(v), count(*) from {m}").fetchone() for m in bare]

def through_parquet():
    pointer = json.loads((published / "current.json").read_text())
    folder = published / pointer["directory"] / "parquet"
    with duckdb.connect() as reader:
        return [
            reader.execute(
                f"select min(v), max(v), count(*) from '{folder}/{m.replace('.', '/')}.parquet'"
            ).fetchone()
            for m in MARTS
        ]

read = {"connect": through_connect, "link": through_link, "parquet": through_parquet}[way]
told = {"reads": 0, "errors": 0, "mixed": 0, "steps_back": 0, "distinct": 0,
        "slowest_seconds": 0.0, "first_error": ""}
last = -1
while not Path(stop).exists() and os.getppid() == TEST:
    time.sleep(PAUSE)
    began = time.monotonic()
    try:
        seen = read()
    except Exception as error:
        told["errors"] += 1
        told["first_error"] = told["first_error"] or f"{type(error).__name__}: {error}"
        continue
    told["slowest_seconds"] = max(told["slowest_seconds"], time.monotonic() - began)
    told["reads"] += 1
    values = {value for low, high, _ in seen for value in (low, high)}
    if len(values) != 1 or {rows for *_, rows in seen} != {ROWS}:
        told["mixed"] += 1
        continue
    value = values.pop()
    told["steps_back"] += value < last
    told["distinct"] += value > last
    last = max(last, value)
print(json.dumps(told))
"""


@dataclass
class Told:
    """What a reader saw."""

    reads: int
    errors: int
    mixed: int
    steps_back: int
    distinct: int
    slowest_seconds: float
    first_error: str


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings({"SHOPTHREAD_HOME": str(tmp_path / "var")})
    settings.warehouse_path.parent.mkdir(parents=True)
    return settings


def build(settings: Settings, value: int) -> None:
    """Every row of every mart carries the number of its build."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        for mart in MARTS:
            warehouse.execute(f"create schema if not exists {mart.split('.')[0]}")
            warehouse.execute(
                f"create or replace table {mart} as select {value} as v, i from range({ROWS}) t(i)"
            )


def publish_build(settings: Settings, value: int) -> None:
    build(settings, value)
    result = publish(
        settings,
        run_id=f"run-{value}",
        parent=value - 1 or None,
        context=PublishContext(
            as_of=date(2017, 12, 31),
            checks=CheckSummary(passed=1, failed=0, could_not_run=0),
            code_version="test",
            published_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
        ),
        options=PublishOptions(keep=5),
    )
    assert (result.outcome, result.version) == (Outcome.PUBLISHED, value)


@pytest.fixture
def readers(settings: Settings, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    publish_build(settings, 1)
    stop = tmp_path / "stop"
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", READER),
                *(str(settings.home), way, str(stop), str(ROWS), str(PAUSE_SECONDS)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for way in WAYS
    ]
    yield started
    stop.touch()
    for process in started:
        process.wait(timeout=60)


@pytest.mark.slow
def test_eight_readers_see_sixty_publishes_whole_and_in_order(
    settings: Settings,
    readers: list[subprocess.Popen[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for value in range(2, PUBLISHES + 1):
        publish_build(settings, value)
    (tmp_path / "stop").touch()
    told = [Told(**json.loads(process.communicate(timeout=60)[0])) for process in readers]
    lines = [f"{PUBLISHES} publishes, {READERS} reader processes"]
    lines += [f"  {way:8} {asdict(seen)}" for way, seen in zip(WAYS, told, strict=True)]
    lines.append(f"  total reads {sum(seen.reads for seen in told)}")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert [process.returncode for process in readers] == [0] * READERS
    for seen in told:
        assert (seen.errors, seen.mixed, seen.steps_back) == (0, 0, 0), seen.first_error
        assert seen.reads > 0
        assert seen.distinct > 1, "the reader saw more than one version"
    assert [found.version for found in versions(settings)] == [56, 57, 58, 59, 60]
