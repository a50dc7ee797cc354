"""The same size, seed and incidents give the same bytes; nothing else moves them."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.demo.formats import Csv, JsonArray, NewlineJson
from orchestration.demo.incidents import (
    DAY_LATE,
    FILE_TWICE,
    HALF_DAY,
    NULL_SPIKE,
    RENAMED_COLUMN,
    VOLUME_SPIKE,
    Planting,
)
from orchestration.demo.random_numbers import Streams
from orchestration.settings import load_settings
from tests.unit.demo.conftest import FEW_FILES, SEED, SMALLEST, Retailer

ROOT = Path(__file__).resolve().parents[3]

GOLDEN_HASH = "0b92b46c3b9c812e6da40d040750f689e1aff7b0939c93a726d5c283e8c2442d"
"""Of truth/deliveries.csv, which holds a hash of the content of every file: pinned, so that a
change of a number on any machine, Python or NumPy is seen."""


def manifest_hash(output: Path) -> str:
    return hashlib.sha256((output / "truth" / "deliveries.csv").read_bytes()).hexdigest()


def generate_in_a_process(output: Path, **environment: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "orchestration.demo", "--seed", str(SEED), "--output", str(output)],
        check=True,
        capture_output=True,
        env={**os.environ, **environment},
    )


@pytest.mark.slow
def test_another_process_with_another_hash_seed_zone_and_language_writes_the_same(
    retailer: Retailer, tmp_path: Path
) -> None:
    generate_in_a_process(
        tmp_path / "again", PYTHONHASHSEED="4711", TZ="Asia/Kathmandu", LC_ALL="C.UTF-8"
    )
    assert manifest_hash(tmp_path / "again") == manifest_hash(retailer.output)
    for delivered in retailer.outcome.delivered:
        dialect = retailer.feed(delivered.source, delivered.entity).dialect
        if isinstance(dialect, Csv | NewlineJson | JsonArray) and not dialect.is_gzipped:
            ours = (retailer.output / delivered.path).read_bytes()
            assert (tmp_path / "again" / delivered.path).read_bytes() == ours
    for truth in sorted((retailer.output / "truth").iterdir()):
        assert (tmp_path / "again" / "truth" / truth.name).read_bytes() == truth.read_bytes()


def test_the_content_is_the_one_that_every_machine_writes(retailer: Retailer) -> None:
    assert manifest_hash(retailer.output) == GOLDEN_HASH


def test_another_seed_writes_something_else(
    run: Callable[..., Retailer],
) -> None:
    one = run(size=FEW_FILES, planting=Planting.NONE)
    other = run(size=FEW_FILES, planting=Planting.NONE, seed=SEED + 1)
    ours = {d.path: d.file.content_hash for d in one.outcome.delivered}
    differing = {
        d.entity for d in other.outcome.delivered if ours.get(d.path, "") != d.file.content_hash
    }
    drawn_from_nothing = {"categories", "relations", "locations"}
    assert {feed.entity for feed in other.outcome.totals} - differing == drawn_from_nothing


def test_bad_files_change_nothing_but_deliveries(run: Callable[..., Retailer]) -> None:
    """Once everything is corrected each file is that of the clean run, the robots' day excepted."""
    spoiled = run(size=SMALLEST, planting=Planting.FILES)
    clean = run(size=SMALLEST, planting=Planting.NONE)
    bad_days = {
        (i.source, i.entity, spoiled.books.world.days.date_of(i.day).isoformat()): i.kind
        for i in spoiled.books.world.incidents.planted
    }
    assert set(bad_days.values()) == {
        DAY_LATE, FILE_TWICE, RENAMED_COLUMN, NULL_SPIKE, HALF_DAY, VOLUME_SPIKE,
    }  # fmt: skip
    ours, theirs = held_in_the_end(spoiled), held_in_the_end(clean)
    assert set(bad_days) <= set(ours)
    differing = {key for key in set(ours) | set(theirs) if ours.get(key) != theirs.get(key)}
    assert {bad_days.get(key) for key in differing} == {VOLUME_SPIKE}
    # And the first files of the incident days were bad, where the incident is about content.
    first = {key: spoiled_hash(spoiled, key, 0) for key in bad_days}
    was_bad = {bad_days[key] for key, content in first.items() if content != theirs[key]}
    assert was_bad == {RENAMED_COLUMN, NULL_SPIKE, HALF_DAY, VOLUME_SPIKE}


def spoiled_hash(retailer: Retailer, key: tuple[str, str, str], version: int) -> str:
    files = [d for d in retailer.files(*key[:2]) if d.partition == key[2]]
    return files[version].file.content_hash


def held_in_the_end(retailer: Retailer) -> dict[tuple[str, str, str], str]:
    """Content of the last delivery of every partition; of every week for snapshots."""
    held = {}
    for feed in retailer.outcome.totals:
        for file in retailer.files(feed.source, feed.entity):
            week = "" if feed.is_daily else f" {file.delivered_on}"
            held[file.source, file.entity, file.partition + week] = file.file.content_hash
    return held


@pytest.mark.slow
def test_a_second_python_writes_the_same(retailer: Retailer, tmp_path: Path) -> None:
    """Another minor version of Python, with its own NumPy and pyarrow."""
    python = os.environ.get("SHOPTHREAD_SECOND_PYTHON", "")
    if not python:
        pytest.skip(
            "nothing was compared: SHOPTHREAD_SECOND_PYTHON names no interpreter of another minor "
            "version with numpy and pyarrow"
        )
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from orchestration.demo.incidents import Planting\n"
        "from orchestration.demo.panel import read_panel_cards\n"
        "from orchestration.demo.retailer import generate\n"
        "from orchestration.demo.sizes import TINY\n"
        "output, panel, seed = sys.argv[1:]\n"
        "generate(Path(output), size=TINY, seed=int(seed), planting=Planting.ALL,\n"
        "         panel=read_panel_cards(Path(panel)))\n"
        "print(*sys.version_info[:2])\n"
    )
    panel = str(load_settings().panel_files())
    result = subprocess.run(
        [python, "-c", script, str(tmp_path / "second"), panel, str(SEED)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.split() != [str(part) for part in sys.version_info[:2]]
    assert manifest_hash(tmp_path / "second") == manifest_hash(retailer.output)
    for truth in sorted((retailer.output / "truth").iterdir()):
        assert (tmp_path / "second" / "truth" / truth.name).read_bytes() == truth.read_bytes()


@pytest.mark.parametrize("name", ["people", "till/transactions"])
def test_streams_know_nothing_of_each_other(name: str) -> None:
    alone = Streams(SEED).named(name).words(100)
    crowd = Streams(SEED)
    crowd.named("another purpose").words(1_000)
    assert (crowd.named(name).words(100) == alone).all()
    assert (Streams(SEED).named(f"{name}2").words(100) != alone).all()
    assert (Streams(SEED + 1).named(name).words(100) != alone).all()
