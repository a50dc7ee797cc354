"""The truth table of the gates, through a real Dagster instance and real runs.

For a failing suite and for a failing dbt test of each layer: nothing behind it is built in
the same run, nor by a later run; nothing is published; after repair it opens by itself.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
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
        "landing",
        "adapters/src_complete_journey__products",
        "int_identity/int_identity__observations",
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
    Gate("gx", "int_journey", "int_journey/int_journey__orders", "commerce/fct_orders"),
    Gate("gx", "marts", "commerce/fct_orders", "kpi/kpi_daily"),
    Gate("dbt", "marts", "commerce/fct_orders", "kpi/kpi_daily"),
    Gate("gx", "kpi", "kpi/kpi_daily", "quality/dq_results"),
]

SLOW = {("gx", "int_journey"), ("gx", "kpi"), ("dbt", "int_identity"), ("dbt", "landing")}


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
            id=f"{gate.engine}-{gate.layer}",
            marks=[pytest.mark.slow] if (gate.engine, gate.layer) in SLOW else [],
        )
        for gate in GATES
    ],
)
def test_a_closed_gate_stops_this_run_and_later_ones_until_it_is_repaired(
    world: World, tmp_path: Path, gate: Gate
) -> None:
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

    requested = dg.evaluate_automation_conditions(world.defs(), world.instance())
    for layer_asset in (gate.behind, "publish/published_version"):
        assert requested.get_num_requested(dg.AssetKey(layer_asset.split("/"))) == 0

    world.use_own_project()
    repaired = world.run()
    assert repaired.success, repaired.failures
    assert repaired.failed_checks() == set()


def test_a_refused_batch_under_block_stops_the_house_and_names_its_day(world: World) -> None:
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/transactions"
    fifth, sixth = date(2017, 1, 5), date(2017, 1, 6)
    broken = world.day_of_transactions(fifth).rename(columns={"sales_value": "turnover"})
    path = world.deliver("transactions", "2017-01-05", broken)
    run = world.run(days=(fifth, fifth))
    assert not run.success
    assert run.materialised.isdisjoint({"landing/complete_journey/transactions"})
    assert behind("landing", run.materialised) == set()

    good = world.day_of_transactions(sixth)
    world.deliver("transactions", "2017-01-06", good.iloc[:-1])
    run = world.run(days=(sixth, sixth))
    assert not run.success
    contract = run.checks[("landing/complete_journey/transactions", "contract")]
    assert not contract.passed
    assert "2017-01-05" in str(contract.description)

    later = world.run(["staging/stg_pos__transactions"])
    assert not later.success
    message = " ".join(later.failures.values())
    assert "landing/complete_journey/transactions / contract" in message
    assert "2017-01-05" in message
    assert world.published_version() == 1

    path.unlink()
    world.deliver("transactions", "2017-01-05", world.day_of_transactions(fifth))
    repaired = world.run()
    assert repaired.success, repaired.failures
    assert world.published_version() == 2


def test_a_run_without_its_checks_does_not_count_as_passed(world: World) -> None:
    layer = [
        key.to_user_string()
        for key in world.defs().resolve_asset_graph().materializable_asset_keys
        if key.path[0] == "int_identity"
    ]
    unchecked = world.run(layer, without_checks=True)
    assert unchecked.success, unchecked.failures
    assert unchecked.checks == {}
    later = world.run(["int_journey/int_journey__orders"])
    assert not later.success
    assert "has not run for the latest materialisation" in " ".join(later.failures.values())
    assert world.run(layer).success
    assert world.run(["int_journey/int_journey__orders"]).success


@pytest.mark.parametrize("fault", ["no_expectations", "raises", "table_is_missing"])
def test_a_suite_that_cannot_run_closes_its_gate_and_says_so(
    world: World, tmp_path: Path, fault: str
) -> None:
    project = copy_project(tmp_path / "project")
    path = project / "expectations" / "int_identity" / "int_identity.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    table = "int_identity__customer_keys"
    suite = document["tables"][table]
    if fault == "no_expectations":
        for part in ("expectations", "key", "volume", "columns"):
            suite.pop(part, None)
        suite["expectations"] = []
        suite["no_key"] = {"because": "a test asks nothing of this table, since 2026-11"}
    elif fault == "raises":
        suite["expectations"].append(
            {
                "type": "expect_share_of_rows_to_be_at_most",
                "name": "rows_of_a_column_that_is_not_there",
                "kwargs": {"condition": "no_such_function(customer_key)", "max_share": 0.5},
                "severity": "critical",
                "meta": {"because": "a test wants an engine error, since 2026-11"},
            }
        )
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    world.use_project(project)
    if fault == "table_is_missing":
        import duckdb

        with duckdb.connect(str(world.settings.warehouse_path)) as connection:
            connection.execute(f"drop table int_identity.{table}")
        job = world.defs().resolve_job_def("full")
        check = dg.AssetCheckKey(dg.AssetKey(["int_identity", table]), "expectations")
        subset = job.get_subset(asset_selection=set(), asset_check_selection={check})
        result = subset.execute_in_process(instance=world.instance(), raise_on_error=False)
        (evaluation,) = result.get_asset_check_evaluations()
    else:
        run = world.run()
        assert not run.success
        assert behind("int_identity", run.materialised) == set()
        evaluation = run.checks[(f"int_identity/{table}", "expectations")]
    assert not evaluation.passed
    assert evaluation.metadata["outcome"].value == "could_not_run"
    assert str(evaluation.description).startswith("could not run")
    later = world.run(["int_journey/int_journey__orders"])
    assert not later.success
    assert world.published_version() == 1


def test_one_corrupted_entity_never_stops_the_others(world: World) -> None:
    products = world.delivered("products")
    broken = pd.concat([products, products.head(20)], ignore_index=True)
    world.deliver("products", "snapshot", broken)
    world.deliver("demographics", "snapshot", world.delivered("demographics").iloc[:-1])
    run = world.run()
    assert run.success, run.failures
    assert run.failed_checks() == set()
    latest = run.checks[("landing/complete_journey/products", "latest_batch")]
    assert not latest.passed
    assert latest.severity is dg.AssetCheckSeverity.WARN
    assert world.published_version() == 2, "the other entity's news is published"

    (refusal,) = world.ledger.open_refusals()
    assert refusal.entity == "products"
    manifest = world.settings.published_dir / "2" / "manifest.json"
    stale = yaml.safe_load(manifest.read_text("utf-8"))["stale_sources"]
    assert [item["entity"] for item in stale] == ["products"]
    assert stale[0]["reason"] == refusal.reason
    landed = list((world.settings.landing_dir / "complete_journey" / "products").rglob("*.parquet"))
    assert refusal.batch_id not in {path.stem for path in landed}


def test_an_override_is_recorded_and_shown_on_what_it_published(
    world: World, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    Gate("gx", "kpi", "kpi/kpi_daily", "").close(project)
    world.use_project(project)
    world.deliver("demographics", "snapshot", world.delivered("demographics").iloc[:-1])
    assert not world.run().success
    allowed = world.run(
        ["quality/dq_results", "quality/catalog", "publish/published_version"],
        tags={"shopthread/override_gates": "month end, the range is known to be wrong"},
    )
    assert allowed.success, allowed.failures
    version = world.published_version()
    manifest = world.settings.published_dir / str(version) / "manifest.json"
    overrides = yaml.safe_load(manifest.read_text("utf-8"))["overrides"]
    assert any("month end" in item["reason"] for item in overrides)
