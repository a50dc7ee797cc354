"""The same size, seed and incidents give the same bytes; nothing else moves them."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.demo.formats import Csv, JsonArray, NewlineJson
from orchestration.demo.incidents import Planting
from orchestration.demo.random_numbers import Streams
from tests.unit.demo.conftest import SEED, SMALLEST, Retailer

GOLDEN_HASH = "438f11afb0d039faad1cb12d5090107732563dbc9f18ad13dcbe4c6f9d09904c"
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
    one, other = run(size=SMALLEST), run(size=SMALLEST, seed=SEED + 1)
    ours = {d.path: d.file.content_hash for d in one.outcome.delivered}
    differing = {
        d.entity for d in other.outcome.delivered if ours.get(d.path, "") != d.file.content_hash
    }
    drawn_from_nothing = {"categories", "relations", "locations"}
    assert {feed.entity for feed in other.outcome.totals} - differing == drawn_from_nothing


def test_bad_files_change_nothing_but_deliveries(run: Callable[..., Retailer]) -> None:
    spoiled = run(size=SMALLEST, planting=Planting.FILES)
    clean = run(size=SMALLEST, planting=Planting.NONE)
    last_of_clean = {(d.source, d.entity, d.partition): d for d in clean.outcome.delivered}
    for delivered in spoiled.outcome.delivered:
        if delivered.source == "synthetic_app":
            continue  # robots stay
        key = (delivered.source, delivered.entity, delivered.partition)
        if spoiled.files(*key[:2])[-1] is delivered:
            assert delivered.file.content_hash == last_of_clean[key].file.content_hash


@pytest.mark.parametrize("name", ["people", "till/transactions"])
def test_streams_know_nothing_of_each_other(name: str) -> None:
    alone = Streams(SEED).named(name).words(100)
    crowd = Streams(SEED)
    crowd.named("another purpose").words(1_000)
    assert (crowd.named(name).words(100) == alone).all()
    assert (Streams(SEED).named(f"{name}2").words(100) != alone).all()
    assert (Streams(SEED + 1).named(name).words(100) != alone).all()
