"""The truth table of the gates, through a real Dagster instance and real runs.

For a failing suite and for a failing dbt test of each layer: nothing behind it is built in
the same run, nor by a later run; nothing is published; after repair it opens by itself.
"""

from pathlib import Path

import dagster as dg
import pytest

from tests.pipeline.gates import GATES, JOURNEY, KPI, Gate, behind
from tests.pipeline.worlds import World, copy_project

pytestmark = pytest.mark.slow


LONG = (*JOURNEY.values(), *KPI.values())
"""Gates like their neighbours; long tests close them as well."""


@pytest.mark.parametrize(
    "gate",
    [
        pytest.param(gate, id=str(gate), marks=[pytest.mark.long] if gate in LONG else [])
        for gate in GATES
    ],
)
def test_a_closed_gate_stops_this_run_and_later_ones_until_it_is_repaired(
    world: World, tmp_path: Path, gate: Gate
) -> None:
    world.environment.update(gate.environment)
    before = dg.evaluate_automation_conditions(world.defs(), world.instance())
    project = copy_project(tmp_path / "project")
    gate.close(project)
    world.use_project(project)

    same_run = world.run()
    assert not same_run.success
    assert gate.check in same_run.failed_checks()
    assert behind(gate.layer, same_run.materialised) == set()
    assert world.published_version() == 1

    later_run = world.run([gate.behind])
    assert not later_run.success
    assert later_run.materialised == frozenset()
    assert f"{gate.check} failed: " in " ".join(later_run.failures.values())
    assert "has not run" not in " ".join(later_run.failures.values())

    requested = dg.evaluate_automation_conditions(
        world.defs(), world.instance(), cursor=before.cursor
    )
    for layer_asset in (gate.behind, "publish/published_version"):
        assert requested.get_num_requested(dg.AssetKey(layer_asset.split("/"))) == 0

    world.use_own_project()
    repaired = world.run()
    assert repaired.success, repaired.failures
    assert repaired.failed_checks() == set()
    counts = world.ledger.check_counts()
    assert (counts["failed"], counts["could_not_run"]) == (0, 0)
