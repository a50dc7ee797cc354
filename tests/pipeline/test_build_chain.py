"""The chain from landing to the marts in real runs: what is built again, what refuses."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestration.components.build_chain import REBUILD_TAG
from orchestration.components.run_state import AS_OF_TAG
from orchestration.publish import table_hashes
from orchestration.publish.hashes import counts_for_equality
from orchestration.warehouse.stamps import read_stamps, stamp_building
from tests.pipeline.worlds import FIRST, LAST, World, copy_project, edit

pytestmark = pytest.mark.slow

ORDERS = "model.shopthread.int_journey__orders"


def builders(world: World) -> dict[str, str]:
    """Model -> the run that built it last."""
    return {name: stamp.run_id for name, stamp in read_stamps(world.settings).items()}


def built_by(world: World, run_id: str) -> set[str]:
    return {name.split(".")[-1] for name, run in builders(world).items() if run == run_id}


def published_hashes(world: World) -> Mapping[str, object]:
    version = world.published_version()
    found = table_hashes(world.settings.published_dir / str(version) / "analytics.duckdb")
    return {name: value for name, value in found.items() if counts_for_equality(name)}


def test_a_gate_that_closed_costs_only_what_it_stopped(world: World, tmp_path: Path) -> None:
    served = sorted(
        (path, path.stat().st_mtime_ns, path.read_bytes())
        for path in (world.settings.published_dir / "1").iterdir()
        if path.is_file()
    )
    before = builders(world)
    project = copy_project(tmp_path / "project")
    mart = project / "dbt_project/models/marts/commerce/dim_coupon.sql"
    edit(mart, lambda text: text.replace("select *\nfrom final", "select *\nfrom final\nlimit 0"))
    broken = project / "dbt_project" / "tests" / "coupons_are_there.sql"
    broken.write_text("select 1 as broken from {{ ref('dim_coupon') }} having count(*) = 0\n")
    world.use_project(project)
    stopped = world.run()
    assert "commerce/dim_coupon / coupons_are_there" in stopped.failed_checks()
    assert world.published_version() == 1
    assert served == sorted(
        (path, path.stat().st_mtime_ns, path.read_bytes())
        for path in (world.settings.published_dir / "1").iterdir()
        if path.is_file()
    )
    assert "dim_coupon" in built_by(world, stopped.run_id)
    untouched = {"stg_pos__transactions", "int_identity__customer_keys", "int_journey__orders"}
    assert untouched.isdisjoint(built_by(world, stopped.run_id))

    world.use_own_project()
    healed = world.run()
    assert healed.success, healed.failures
    again = built_by(world, healed.run_id)
    assert "dim_coupon" in again
    assert untouched.isdisjoint(again)
    kept = [name for name, run in builders(world).items() if run == before[name]]
    assert len(kept) > len(before) * 0.8
    assert world.published_version() == 1, "what was repaired is hash-equal to what is served"


def test_what_heals_by_itself_equals_what_is_built_from_nothing(
    world: World, tmp_path: Path
) -> None:
    day = world.day_of_transactions(LAST)
    world.deliver("transactions", LAST.isoformat(), day.iloc[:-3])
    stamp_building(world.settings, "killed", [ORDERS])
    run = world.run()
    assert run.success, run.failures
    healed = published_hashes(world)
    world.settings.warehouse_path.unlink()
    rebuilt = world.run(days=(FIRST, LAST), tags={REBUILD_TAG: "yes"})
    assert rebuilt.success, rebuilt.failures
    assert built_by(world, rebuilt.run_id) == {name.split(".")[-1] for name in builders(world)}
    assert published_hashes(world) == healed
    assert world.published_version() == 2, "both runs made the same version"


def test_a_new_day_of_one_entity_leaves_what_follows_others(world: World) -> None:
    day = world.day_of_transactions(LAST)
    world.deliver("transactions", LAST.isoformat(), day.iloc[:-1])
    run = world.run()
    assert run.success, run.failures
    built = built_by(world, run.run_id)
    assert {"stg_pos__transaction_lines", "fct_order_lines", "stg_location__locations"} <= built
    of_other_entities = {
        *("stg_catalog__products", "stg_mail__sends", "stg_coupons__definitions"),
        *("stg_crm__contacts", "dim_campaign", "fct_promotion_exposure_weekly"),
    }
    assert of_other_entities.isdisjoint(built)


def test_a_refused_batch_makes_nothing_outdated_but_quality(world: World) -> None:
    coupons = world.delivered("coupons")
    world.deliver("coupons", "snapshot", coupons.drop(columns=["product_id"]))
    run = world.run()
    assert run.success, run.failures
    built = built_by(world, run.run_id)
    assert {name for name in built if not name.startswith(("dq_", "catalog"))} == set()
    part = world.run(["customer/mart_customer_value"])
    assert part.success, part.failures


def test_a_partial_run_refuses_what_does_not_stand_and_a_full_run_mends_it(world: World) -> None:
    stamp_building(world.settings, "0123456789", [ORDERS])
    for asset in ("publish/published_version", "commerce/fct_orders"):
        refused = world.run([asset])
        assert not refused.success
        said = " ".join(refused.failures.values())
        assert "int_journey/int_journey__orders is unfinished, run 01234567 ended" in said
        assert "shopthread run" in said
    mended = world.run()
    assert mended.success, mended.failures
    assert "int_journey__orders" in built_by(world, mended.run_id)
    assert "stg_pos__transactions" not in built_by(world, mended.run_id)


def test_a_partial_run_keeps_the_as_of_date_and_does_not_mix_two_landings(world: World) -> None:
    dated = world.run(tags={AS_OF_TAG: "2017-01-10"})
    assert dated.success, dated.failures
    part = world.run(["customer/mart_customer_lifecycle", "kpi/kpi_daily"])
    assert part.success, part.failures
    hashes = published_hashes(world)
    world.deliver("transactions", "2017-01-09", world.day_of_transactions(FIRST).iloc[:0])
    world.deliver("demographics", "snapshot", world.delivered("demographics").iloc[:-1])
    assert world.run(["landing/complete_journey/demographics"]).success
    refused = world.run(["customer/dim_customer"])
    assert not refused.success
    assert "was built from another landing, as-of date or code" in " ".join(
        refused.failures.values()
    )
    assert published_hashes(world) == hashes


def test_a_warehouse_that_is_gone_is_built_again(world: World) -> None:
    hashes = published_hashes(world)
    shutil.rmtree(world.settings.warehouse_path.parent)
    refused = world.run(["kpi/kpi_daily"])
    assert "was never built in this warehouse" in " ".join(refused.failures.values())
    run = world.run()
    assert run.success, run.failures
    assert published_hashes(world) == hashes
    assert world.published_version() == 1
