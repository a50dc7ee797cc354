"""What the gates answer beside the truth table: policies, silence, faults, overrides."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import yaml

from orchestration.settings import PROJECT_DIR
from tests.pipeline.test_gates import Gate, behind
from tests.pipeline.worlds import World, copy_project


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


@pytest.mark.parametrize(
    "fault",
    ["no_expectations", pytest.param("raises", marks=pytest.mark.slow), "table_is_missing"],
)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_waiver_lets_the_house_go_on_and_is_shown_on_what_it_published(world: World) -> None:
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/transactions"
    fifth = date(2017, 1, 5)
    broken = world.day_of_transactions(fifth).rename(columns={"sales_value": "turnover"})
    world.deliver("transactions", "2017-01-05", broken)
    assert not world.run(days=(fifth, fifth)).success
    assert world.published_version() == 1
    world.ledger.waive("complete_journey", "transactions", "2017-01-05", "the till was broken")
    run = world.run()
    assert run.success, run.failures
    assert world.published_version() == 2
    manifest = world.settings.published_dir / "2" / "manifest.json"
    facts = yaml.safe_load(manifest.read_text("utf-8"))
    assert [item["because"] for item in facts["waivers"]] == ["the till was broken"]
    assert facts["stale_sources"] == []
    assert "the till was broken" in world.settings.report_path.read_text("utf-8")
    assert world.run().success
    assert world.published_version() == 2, "the same waiver is no news"


@pytest.mark.parametrize("is_good", [True, False])
def test_automation_goes_on_behind_an_open_gate_and_not_behind_a_closed_one(
    world: World, is_good: bool
) -> None:
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/demographics"
    before = dg.evaluate_automation_conditions(world.defs(), world.instance())
    rows = world.delivered("demographics")
    news = rows.iloc[:-1] if is_good else rows.rename(columns={"age": "years"})
    world.deliver("demographics", "snapshot", news)
    assert world.run(["landing/complete_journey/demographics"]).success is is_good
    after = dg.evaluate_automation_conditions(world.defs(), world.instance(), cursor=before.cursor)
    reader = dg.AssetKey(["adapters", "src_complete_journey__demographics"])
    assert (after.get_num_requested(reader) > 0) is is_good
    assert (after.total_requested > 0) is is_good


@pytest.mark.slow
def test_the_command_line_gets_the_guards_answer_too(world: World) -> None:
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/transactions"
    fifth = date(2017, 1, 5)
    broken = world.day_of_transactions(fifth).rename(columns={"sales_value": "turnover"})
    world.deliver("transactions", "2017-01-05", broken)
    assert not world.run(days=(fifth, fifth)).success
    here = world.run(["publish/published_version"])
    said = " ".join(here.failures.values())
    finished = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "publish"],
        env={**os.environ, **world.environment},
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    told = " ".join((finished.stdout + finished.stderr).split())
    for words in ("landing/complete_journey/transactions", "contract", "2017-01-05"):
        assert words in said
        assert words in told
    assert world.published_version() == 1
