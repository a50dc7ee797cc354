"""The truth table of the gates, through a real Dagster instance and real runs.

For a failing suite and for a failing dbt test of each layer: nothing behind it is built in
the same run, nor by a later run; nothing is published; after repair it opens by itself.
"""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import yaml

from tests.pipeline.worlds import World, copy_project

IMPOSSIBLE = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1_000_000_000},
    "severity": "critical",
    "meta": {"because": "a test wants this gate closed, since 2026-11"},
}


@dataclass(frozen=True)
class Gate:
    """A gate that a test closes: where it stands and what lies behind it."""

    engine: str
    layer: str
    asset: str
    behind: str
    """An asset of the next layer, for a run of nothing else."""

    @property
    def table(self) -> str:
        return self.asset.split("/")[-1]

    def close(self, project: Path) -> str:
        """Break the project so that this gate, and only it, closes; returns the check."""
        if self.engine == "dbt":
            test = project / "dbt_project" / "tests" / "assert_this_gate_is_closed.sql"
            test.write_text(f"select 1 as broken from {{{{ ref('{self.table}') }}}} limit 1\n")
            return f"{self.asset} / assert_this_gate_is_closed"
        for path in (project / "expectations").rglob("*.yaml"):
            document = yaml.safe_load(path.read_text("utf-8"))
            suite = document["tables"].get(self.table)
            if suite is not None and path.parent.name != "landing":
                suite["expectations"].append(IMPOSSIBLE)
                path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
                return f"{self.asset} / expectations"
        raise AssertionError(f"no suite for {self.asset}")


GATES = [
    Gate(
        "dbt",
        "staging",
        "adapters/src_complete_journey__products",
        "commerce/dim_product",
    ),
    Gate(
        "gx", "staging", "staging/stg_pos__transactions", "int_identity/int_identity__observations"
    ),
    Gate(
        "dbt", "staging", "staging/stg_pos__transactions", "int_identity/int_identity__observations"
    ),
    Gate(
        "gx",
        "int_identity",
        "int_identity/int_identity__customer_keys",
        "int_journey/int_journey__orders",
    ),
    Gate(
        "dbt",
        "int_identity",
        "int_identity/int_identity__customer_keys",
        "int_journey/int_journey__orders",
    ),
    Gate("gx", "int_journey", "int_journey/int_touchpoints__unioned", "journey/fct_touchpoints"),
    Gate("gx", "marts", "commerce/fct_orders", "kpi/kpi_daily"),
    Gate("dbt", "marts", "commerce/fct_orders", "kpi/kpi_daily"),
    Gate("gx", "kpi", "kpi/kpi_daily", "quality/dq_results"),
]

FAST = {("gx", "staging/stg_pos__transactions"), ("dbt", "commerce/fct_orders")}
"""One gate of each engine; `make test-all` closes the others as well."""


def behind(layer: str, materialised: frozenset[str]) -> set[str]:
    """Which materialised assets lie behind a layer's gate."""
    order = ["landing", "staging", "int_identity", "int_journey", "marts", "kpi", "quality"]
    return {name for name in materialised if _rank(name) > order.index(layer)}


def _rank(asset: str) -> int:
    folder, name = asset.split("/", maxsplit=1)[0], asset.rsplit("/", maxsplit=1)[-1]
    if folder == "publish":
        return 7
    if folder in {"landing", "adapters", "reference"}:
        return 0
    if folder in {"staging", "int_identity", "int_journey", "quality"}:
        return {"staging": 1, "int_identity": 2, "int_journey": 3, "quality": 6}[folder]
    return 5 if name.startswith(("kpi_", "mart_")) else 4


@pytest.mark.parametrize(
    "gate",
    [
        pytest.param(
            gate,
            id=f"{gate.engine}-{gate.table}",
            marks=[] if (gate.engine, gate.asset) in FAST else [pytest.mark.slow],
        )
        for gate in GATES
    ],
)
def test_a_closed_gate_stops_this_run_and_later_ones_until_it_is_repaired(
    world: World, tmp_path: Path, gate: Gate
) -> None:
    before = dg.evaluate_automation_conditions(world.defs(), world.instance())
    project = copy_project(tmp_path / "project")
    check = gate.close(project)
    world.use_project(project)

    same_run = world.run()
    assert not same_run.success
    assert check in same_run.failed_checks()
    assert behind(gate.layer, same_run.materialised) == set()
    assert world.published_version() == 1

    later_run = world.run([gate.behind])
    assert not later_run.success
    assert later_run.materialised == frozenset()
    assert check in " ".join(later_run.failures.values())
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
