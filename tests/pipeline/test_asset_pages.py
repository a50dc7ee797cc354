"""What the UI shows of an asset, asked of the events of a real run.

Whose an asset is and what it is called are rules of the asset graph, tested with it; that
the UI serves all of this is tested with the UI.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.warehouse.manifest import Layer, load_manifest
from orchestration.warehouse.reading import open_warehouse
from tests.pipeline.worlds import World

Pages = Mapping[str, Mapping[str, Any]]
"""Asset -> metadata of its latest materialisation, as plain values."""


@pytest.fixture
def pages(world: World) -> Pages:
    found = {}
    for record in world.instance().get_asset_records():
        event = record.asset_entry.last_materialization
        assert event is not None, record.asset_entry.asset_key
        materialisation = event.asset_materialization
        assert materialisation is not None, record.asset_entry.asset_key
        found[record.asset_entry.asset_key.to_user_string()] = {
            name: value.value for name, value in materialisation.metadata.items()
        }
    return found


def models(world: World) -> list[Mapping[str, Any]]:
    manifest = load_manifest(world.settings)
    return [
        manifest.content["nodes"][unique_id]
        for layer in Layer
        for unique_id in manifest.models(layer)
    ]


@pytest.fixture
def warehouse(world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(world.settings) as connection:
        yield connection


def test_every_model_shows_the_columns_that_the_warehouse_has(
    world: World, pages: Pages, warehouse: duckdb.DuckDBPyConnection
) -> None:
    differing = {}
    for node in models(world):
        place = (node["schema"], node["alias"])
        there = warehouse.execute(
            "select column_name, lower(data_type) from duckdb_columns()"
            " where schema_name = ? and table_name = ? order by column_index",
            place,
        ).fetchall()
        schema = pages["/".join(place)]["dagster/column_schema"]
        told = [(column.name, column.type) for column in schema.columns]
        if told != there or not there:
            differing["/".join(place)] = (told, there)
    assert differing == {}


def test_every_table_shows_its_rows_and_an_adapter_that_is_a_view_none(
    world: World, pages: Pages, warehouse: duckdb.DuckDBPyConnection
) -> None:
    for node in models(world):
        asset = f"{node['schema']}/{node['alias']}"
        rows = pages[asset].get("dagster/row_count")
        if node["schema"] == "adapters":
            assert rows is None, asset
            continue
        counted = warehouse.execute(
            f'select count(*) from "{node["schema"]}"."{node["alias"]}"'
        ).fetchone()
        assert counted == (rows,), asset


def test_a_column_shows_the_columns_it_is_made_from(world: World, pages: Pages) -> None:
    def origins(asset: str, column: str) -> set[tuple[str, str]]:
        lineage = pages[asset]["dagster/column_lineage"]
        return {
            (dep.asset_key.to_user_string(), dep.column_name)
            for dep in lineage.deps_by_column[column]
        }

    adapter = "adapters/src_complete_journey__products"
    assert origins(adapter, "batch_id") == {("landing/complete_journey/products", "_batch_id")}
    assert origins("commerce/fct_orders", "business_date") == {
        ("int_journey/int_journey__orders", "business_date")
    }
    columns = {
        asset: {column.name for column in page["dagster/column_schema"].columns}
        for asset, page in pages.items()
        if "dagster/column_schema" in page
    }
    unknown = {
        (asset, dep.asset_key.to_user_string(), dep.column_name)
        for asset, page in pages.items()
        if "dagster/column_lineage" in page
        for deps in page["dagster/column_lineage"].deps_by_column.values()
        for dep in deps
        # The ledger's own files are sources that no op materialises.
        if (seen := columns.get(dep.asset_key.to_user_string())) is not None
        and dep.column_name not in seen
    }
    assert unknown == set(), "a column is said to come from one that is not there"
    without = [
        f"{node['schema']}/{node['alias']}"
        for node in models(world)
        if node["resource_type"] == "model"
        and "dagster/column_lineage" not in pages[f"{node['schema']}/{node['alias']}"]
    ]
    assert without == []


def test_a_landed_entity_shows_its_columns_its_rows_and_how_fresh_it_is(
    world: World, pages: Pages
) -> None:
    storage = world.instance().event_log_storage
    landed = [asset for asset in pages if asset.startswith("landing/")]
    assert len(landed) == 8
    for asset in landed:
        said = pages[asset]
        assert said["dagster/row_count"] > 0, asset
        assert all(column.description for column in said["dagster/column_schema"].columns[:-2])
        check = dg.AssetCheckKey(dg.AssetKey(asset.split("/")), "freshness")
        record = storage.get_latest_asset_check_execution_by_key([check])[check]
        assert record.evaluation is not None
        fresh = {name: value.value for name, value in record.evaluation.metadata.items()}
        assert record.evaluation.passed
        # What landed before any required source has no date to count its lag to.
        assert (fresh["state"], fresh.get("lag_days", 0)) == ("fresh", 0)
        assert isinstance(fresh["max_age_hours"], int)
        assert fresh["judged_at"]
