"""The contract of our module with dbt's programmatic interface, and its fallback."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.components.preloading import PRELOADED_MODULES
from orchestration.settings import Settings, apply_environment
from orchestration.warehouse.dbt_process import (
    NodeResult,
    Order,
    build,
    build_by_command_line,
    make_ready,
)
from orchestration.warehouse.manifest import DbtManifest, Layer, layer_of, load_manifest
from tests.dbt.test_unit_tests import empty_home

__all__ = ["empty_home"]

Build = Callable[[Settings, DbtManifest, Order, Callable[[NodeResult], None]], None]

CHANNELS = "seed.shopthread.channels"
POLICY = "seed.shopthread.identifier_policy"


@pytest.fixture
def ready(empty_home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SHOPTHREAD_HOME", str(empty_home.home))
    apply_environment(empty_home)
    return empty_home


def run(how: Build, settings: Settings, manifest: DbtManifest, order: Order) -> dict[str, str]:
    results: list[NodeResult] = []
    how(settings, manifest, order, results.append)
    return {result.unique_id: result.status for result in results}


def asked_of(manifest: DbtManifest, node: str) -> list[str]:
    return [
        unique_id for unique_id, test in manifest.tests() if test["depends_on"]["nodes"] == [node]
    ]


@pytest.mark.slow
def test_both_ways_build_exactly_what_is_named_and_say_the_same(
    ready: Settings, manifest: DbtManifest
) -> None:
    tests = asked_of(manifest, CHANNELS)
    assert tests
    wanted = Order([CHANNELS], tests)
    warm = run(build, ready, manifest, wanted)
    cold = run(build_by_command_line, ready, manifest, wanted)
    assert warm == cold
    assert set(warm) == {CHANNELS, *tests}
    assert set(warm.values()) == {"success", "pass"}


def test_what_stands_is_tested_and_not_built(ready: Settings, manifest: DbtManifest) -> None:
    channels, policy = asked_of(manifest, CHANNELS), asked_of(manifest, POLICY)
    run(build, ready, manifest, Order([CHANNELS, POLICY], []))
    only_tested = run(build, ready, manifest, Order([], channels, [CHANNELS]))
    assert set(only_tested) == set(channels)
    mixed = run(build, ready, manifest, Order([POLICY], [*channels, *policy], [CHANNELS]))
    assert set(mixed) == {POLICY, *channels, *policy}
    assert run(build, ready, manifest, Order([], [])) == {}


def test_the_warehouse_is_free_when_the_build_returns(
    ready: Settings, manifest: DbtManifest
) -> None:
    run(build, ready, manifest, Order([CHANNELS], []))
    with duckdb.connect(str(ready.warehouse_path), config={"threads": 1}) as connection:
        rows = connection.execute("select count(*) from reference.channels").fetchone()
    assert rows is not None
    assert rows[0] > 0


def test_what_dbt_writes_is_private(ready: Settings, manifest: DbtManifest) -> None:
    run(build, ready, manifest, Order([CHANNELS], []))
    written = [path for path in ready.dbt_target_dir.rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_every_model_belongs_to_one_layer(manifest: DbtManifest) -> None:
    nodes = [
        node
        for node in manifest.content["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
    ]
    assert sum(len(manifest.models(layer)) for layer in Layer) == len(nodes)
    assert {layer_of(node) for node in nodes} == set(Layer)


def test_the_project_is_parsed_again_only_when_a_file_changed(
    settings: Settings, manifest: DbtManifest
) -> None:
    path = Path(manifest.folder) / "manifest.json"
    before = path.stat().st_mtime_ns
    load_manifest(settings)
    assert path.stat().st_mtime_ns == before


FORKING = """
import json, os, sys, threading
from orchestration.settings import load_settings
from orchestration.warehouse.dbt_process import Order, build, make_ready
from orchestration.warehouse.manifest import load_manifest

settings = load_settings()
manifest = load_manifest(settings)
wanted = Order(*json.loads(sys.argv[1]))
make_ready(settings, manifest)
assert threading.active_count() == 1, threading.enumerate()
for _ in range(2):
    child = os.fork()
    if child == 0:
        results = []
        build(settings, manifest, wanted, results.append)
        print(json.dumps({result.unique_id: result.status for result in results}), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.slow
def test_processes_forked_from_a_ready_one_build_the_same(
    ready: Settings, manifest: DbtManifest
) -> None:
    models, tests = [CHANNELS, POLICY], asked_of(manifest, CHANNELS)
    cold = run(build, ready, manifest, Order(models, tests))
    forked = subprocess.run(
        [sys.executable, "-c", FORKING, json.dumps([models, tests])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert forked.returncode == 0, forked.stderr[-2000:]
    assert [json.loads(line) for line in forked.stdout.splitlines()] == [cold, cold]


@pytest.mark.slow
def test_a_project_that_was_made_ready_is_used_by_one_call(
    ready: Settings, manifest: DbtManifest
) -> None:
    wanted = Order([CHANNELS], asked_of(manifest, CHANNELS))
    cold = run(build, ready, manifest, wanted)
    make_ready(ready, manifest)
    assert run(build, ready, manifest, wanted) == cold
    assert run(build, ready, manifest, wanted) == cold


@pytest.mark.slow
def test_steps_are_forked_from_a_process_that_dbt_is_ready_in(ready: Settings) -> None:
    assert PRELOADED_MODULES[-1] == "orchestration.ready_steps"
    from orchestration.ready_steps import MADE_READY

    # Nobody would hear of an error while the fork server starts.
    for make in MADE_READY:
        make()
