"""What the gates answer beside the truth table: policies, silence, faults, overrides."""

from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import yaml

from tests.pipeline.gates import (
    IDENTITY,
    KPI,
    LANDING,
    MARTS,
    NO_EXPECTATIONS,
    RAISES,
    STAGING,
    TABLE_IS_MISSING,
    Gate,
    behind,
)
from tests.pipeline.worlds import World, copy_project


@pytest.mark.slow
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
    counts = world.ledger.check_counts()
    assert (counts["failed"], counts["could_not_run"]) == (0, 0), "a good day came instead"


@pytest.mark.parametrize(
    "gate",
    [
        pytest.param(STAGING["gx"], id="staging", marks=pytest.mark.slow),
        pytest.param(IDENTITY["gx"], id="int_identity"),
        pytest.param(MARTS["gx"], id="marts", marks=pytest.mark.slow),
    ],
)
def test_a_run_without_its_checks_does_not_count_as_passed(world: World, gate: Gate) -> None:
    unchecked = world.run([gate.asset], without_checks=True)
    assert unchecked.success, unchecked.failures
    assert unchecked.materialised == {gate.asset}
    assert unchecked.checks == {}
    later = world.run([gate.behind])
    assert not later.success
    assert later.materialised == frozenset()
    said = " ".join(later.failures.values())
    assert f"{gate.check} has not run for the latest materialisation" in said
    assert world.run([gate.asset]).success
    assert world.run([gate.behind]).success


def test_landing_never_runs_without_its_checks_and_a_reported_one_does_not_count(
    world: World,
) -> None:
    runs = world.instance().get_runs_count()
    with pytest.raises(dg.DagsterInvalidSubsetError, match="does not support subsetting"):
        world.run([LANDING.asset], without_checks=True)
    assert world.instance().get_runs_count() == runs

    # The UI's "report materialization" is the one way to a materialisation without checks.
    key = dg.AssetKey(LANDING.asset.split("/"))
    world.instance().report_runless_asset_event(dg.AssetMaterialization(key))
    later = world.run([LANDING.behind])
    assert not later.success
    said = " ".join(later.failures.values())
    assert f"{LANDING.check} has not run for the latest materialisation" in said
    assert world.run([LANDING.asset]).success
    assert world.run([LANDING.behind]).success


FAULTS = [
    *(
        (gate, fault)
        for gate in (LANDING, STAGING["gx"], IDENTITY["gx"], MARTS["gx"])
        for fault in (NO_EXPECTATIONS, RAISES, TABLE_IS_MISSING)
    ),
    *((layer["dbt"], RAISES) for layer in (STAGING, IDENTITY, MARTS)),
]
FAST_FAULTS = (
    (LANDING, TABLE_IS_MISSING),
    (IDENTITY["gx"], NO_EXPECTATIONS),
    (IDENTITY["gx"], TABLE_IS_MISSING),
)


@pytest.mark.parametrize(
    "gate, fault",
    [
        pytest.param(
            gate,
            fault,
            id=f"{gate}-{fault}",
            marks=[] if (gate, fault) in FAST_FAULTS else [pytest.mark.slow],
        )
        for gate, fault in FAULTS
    ],
)
def test_a_gate_that_cannot_run_is_closed_and_says_so(
    world: World, tmp_path: Path, gate: Gate, fault: str
) -> None:
    world.environment.update(gate.environment)
    project = copy_project(tmp_path / "project")
    world.use_project(project)
    if gate.layer == "landing":
        # A contract is read when it judges; one that broke before that loads no project.
        world.defs()
    gate.keep_from_running(project, world, fault)
    asset, _, check = gate.check.partition(" / ")
    if fault == TABLE_IS_MISSING and gate.layer != "landing":
        run = world.run([], only_check=(asset, check))
    else:
        run = world.run([gate.asset, gate.behind])
        assert not run.success
    assert gate.behind not in run.materialised

    evaluation = run.checks[(asset, check)]
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["outcome"].value == "could_not_run"
    assert "could not run" in str(evaluation.description)
    assert world.ledger.check_counts()["could_not_run"] > 0

    later = world.run([gate.behind])
    assert not later.success
    assert later.materialised == frozenset()
    assert f"{gate.check} could not run: " in " ".join(later.failures.values())
    assert world.published_version() == 1


@pytest.mark.slow
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
    fresh = run.checks[("landing/complete_journey/products", "freshness")]
    assert not fresh.passed
    assert fresh.metadata["state"].value == "stale"
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
    KPI["gx"].close(project)
    world.use_project(project)
    world.deliver("demographics", "snapshot", world.delivered("demographics").iloc[:-1])
    assert not world.run().success
    # The override opens gates. The chain stays: all that the stopped run did not build is asked.
    quality = [
        key.to_user_string()
        for key in world.defs().resolve_asset_graph().materializable_asset_keys
        if key.path[0] == "quality"
    ]
    allowed = world.run(
        [*quality, "publish/published_version"],
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


@pytest.mark.slow
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
