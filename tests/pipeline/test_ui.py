"""What a data team does in the UI, through the mutations that its buttons send."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from orchestration.publish import table_hashes
from orchestration.publish.hashes import PUBLISHED_SCHEMAS
from tests.pipeline.dagster_server import DagsterServer, serve
from tests.pipeline.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

DAYS = [f"2017-01-{day:02}" for day in range(1, 15)]


def served(world: World) -> dict[str, str]:
    world.enter()
    return {**world.environment, "DAGSTER_HOME": str(world.settings.dagster_home)}


@pytest.fixture
def server(world: World, tmp_path: Path) -> Iterator[DagsterServer]:
    with serve(served(world), tmp_path / "server.log") as running:
        yield running


def hashes(world: World, version: int) -> dict[str, tuple[int, str]]:
    """Rows and content of the published marts, without what a run stamps on them."""
    found = table_hashes(
        world.settings.published_dir / str(version) / "analytics.duckdb", PUBLISHED_SCHEMAS
    )
    return {
        name: (int(rows), str(content))
        for name, (rows, content) in found.items()
        if not name.startswith("quality.")
    }


def everything(server: DagsterServer) -> list[str]:
    nodes = server.ask("{ assetNodes { assetKey { path } isMaterializable } }")["assetNodes"]
    return ["/".join(node["assetKey"]["path"]) for node in nodes if node["isMaterializable"]]


def test_any_subset_runs_and_the_guard_answers_as_everywhere(
    server: DagsterServer, world: World
) -> None:
    single = server.launch(["commerce/fct_orders", "kpi/kpi_daily"])
    assert server.finish(single) == "SUCCESS", server.failures(single)
    unchecked = server.launch(["commerce/fct_order_lines"], checks=[])
    assert server.finish(unchecked) == "SUCCESS", server.failures(unchecked)
    refused = server.launch(["commerce/mart_basket_affinity"])
    assert server.finish(refused) == "FAILURE"
    assert "has not run for the latest materialisation" in server.failures(refused)
    assert "commerce/fct_order_lines" in server.failures(refused)
    # Landing judges inside its op: without its checks there is no run of it at all.
    landed = ["landing/complete_journey/demographics"]
    answer = server.answer_to_launch(landed, checks=[])
    assert answer["__typename"] == "InvalidSubsetError", answer
    whole = server.launch(job="full")
    assert server.finish(whole) == "SUCCESS", server.failures(whole)
    assert world.published_version() == 1, "nothing changed, so the version stays"


def test_a_backfill_of_everything_ends_with_the_marts_of_one_range_run(
    empty_world: World, world: World, tmp_path: Path
) -> None:
    with serve(served(empty_world), tmp_path / "server.log") as server:
        runs = server.backfill(everything(server), DAYS)
        assert runs
        if any(status != "SUCCESS" for _, status in runs):
            # The guard may stop a run that the backfill launched too early; the next run
            # of the job needs no hand.
            whole = server.launch(job="full")
            assert server.finish(whole) == "SUCCESS", server.failures(whole)
        version = empty_world.published_version()
    assert version is not None
    assert hashes(empty_world, version) == hashes(world, 1)


def test_a_backfill_never_publishes_behind_a_refused_batch(tmp_path: Path, world: World) -> None:
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = "complete_journey/transactions"
    fifth = date(2017, 1, 5)
    broken = world.day_of_transactions(fifth).rename(columns={"sales_value": "turnover"})
    world.deliver("transactions", "2017-01-05", broken)
    world.deliver("demographics", "snapshot", world.delivered("demographics").iloc[:-1])
    with serve(served(world), tmp_path / "server.log") as server:
        runs = server.backfill(everything(server), DAYS)
        assert any(status == "FAILURE" for _, status in runs)
        assert world.published_version() == 1
        refused = server.launch(["publish/published_version"])
        assert server.finish(refused) == "FAILURE"
        said = server.failures(refused)
    assert "landing/complete_journey/transactions / contract" in said
    assert "2017-01-05" in said
    assert world.published_version() == 1


_PAGE_OF_ASSETS = """
{
  assetNodes {
    assetKey { path }
    isMaterializable
    groupName
    description
    kinds
    owners { ... on TeamAssetOwner { team } }
    assetMaterializations(limit: 1) {
      metadataEntries {
        label
        ... on TableSchemaMetadataEntry { schema { columns { name type description } } }
        ... on TableColumnLineageMetadataEntry {
          lineage { columnName columnDeps { assetKey { path } columnName } }
        }
        ... on IntMetadataEntry { intValue }
      }
    }
  }
}
"""


def test_the_page_of_an_asset_shows_whose_it_is_its_columns_their_origin_and_its_rows(
    server: DagsterServer,
) -> None:
    nodes = {
        "/".join(node["assetKey"]["path"]): node
        for node in server.ask(_PAGE_OF_ASSETS)["assetNodes"]
        if node["isMaterializable"]
    }
    bare = [
        name
        for name, node in nodes.items()
        if not (node["description"] and node["kinds"] and node["groupName"])
        or not all(owner.get("team") for owner in node["owners"] or [{}])
    ]
    assert bare == []
    orders = nodes["commerce/fct_orders"]
    assert orders["owners"] == [{"team": "commerce"}]
    assert set(orders["kinds"]) >= {"dbt", "duckdb"}
    (materialisation,) = orders["assetMaterializations"]
    shown = {entry["label"]: entry for entry in materialisation["metadataEntries"]}
    columns = {
        column["name"]: column for column in shown["dagster/column_schema"]["schema"]["columns"]
    }
    assert columns["business_date"]["type"] == "date"
    assert all(column["description"] for column in columns.values())
    origins = {
        item["columnName"]: {
            ("/".join(dep["assetKey"]["path"]), dep["columnName"]) for dep in item["columnDeps"]
        }
        for item in shown["dagster/column_lineage"]["lineage"]
    }
    assert ("int_journey/int_journey__orders", "business_date") in origins["business_date"]
    assert shown["dagster/row_count"]["intValue"] > 0


def test_dg_dev_serves_the_same_project(world: World, tmp_path: Path) -> None:
    with serve(served(world), tmp_path / "server.log", command="dg") as server:
        groups = server.ask("{ assetNodes { groupName } }")["assetNodes"]
        assert {node["groupName"] for node in groups} >= {"landing", "staging", "publish"}
        answer = server.launch(["publish/report"])
        assert server.finish(answer) == "SUCCESS", server.failures(answer)
