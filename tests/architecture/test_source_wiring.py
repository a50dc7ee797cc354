"""A source has one name in every place, and its columns do not drift apart."""

from pathlib import Path

import pytest

from tools import house

DEFS = "orchestration/defs/sources/shop/defs.yaml"
CONTRACT = "expectations/landing/shop.yaml"
SOURCES = "dbt_project/models/adapters/shopline/_shopline__sources.yml"
PROJECT = "dbt_project/dbt_project.yml"
ADAPTER = "dbt_project/models/adapters/shopline/src_shopline__orders.sql"


def change(root: Path, name: str, old: str, new: str) -> None:
    """Replace a piece of a file that must be there."""
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def test_every_source_is_wired_in_every_place(root: Path) -> None:
    assert house.source_instances(root)
    found = house.unwired_sources(root)
    assert not found, "\n".join(found)


def test_columns_of_dbt_sources_are_those_of_the_contract(root: Path) -> None:
    found = house.drifting_columns(root)
    assert not found, "\n".join(found)


def test_the_small_project_keeps_the_rules(small: Path) -> None:
    assert house.unwired_sources(small) == []
    assert house.drifting_columns(small) == []


@pytest.mark.parametrize("name", [DEFS, CONTRACT, SOURCES])
def test_a_source_missing_in_one_place_is_found(small: Path, name: str) -> None:
    (small / name).unlink()
    assert house.unwired_sources(small) != []


def test_a_source_missing_in_the_vars_is_found(small: Path) -> None:
    change(small, PROJECT, "[shop]", "[]")
    assert "source shop is missing in vars.sources of dbt_project.yml" in house.unwired_sources(
        small
    )


def test_a_source_listed_under_another_vendor_is_found(small: Path) -> None:
    change(small, PROJECT, "shopline:", "till:")
    assert house.unwired_sources(small) == [
        "source shop: vars.sources does not list it under its vendor shopline"
    ]


def test_an_orphan_in_one_place_is_found(small: Path) -> None:
    change(small, PROJECT, "[shop]", "[shop, ghost]")
    assert len([line for line in house.unwired_sources(small) if "ghost" in line]) == 3


def test_an_entity_without_adapter_is_found(small: Path) -> None:
    (small / ADAPTER).unlink()
    assert house.unwired_sources(small) == [
        "source shop: entity orders is missing in the adapters of its vendor"
    ]


def test_an_entity_without_contract_is_found(small: Path) -> None:
    change(small, DEFS, "[{name: orders}]", "[{name: orders}, {name: returns}]")
    assert len(house.unwired_sources(small)) == 3


def test_a_vendor_without_fixtures_is_found(small: Path) -> None:
    (small / "tests/fixtures/shopline/orders.csv").unlink()
    (small / "tests/fixtures/shopline").rmdir()
    assert len(house.unwired_sources(small)) == 1


@pytest.mark.parametrize(
    "old, new",
    [
        ("name: total,", "name: sum,"),
        ('"decimal(18,2)"', "double"),
        ("email_token", "email"),
        ("          - {name: _batch_id, data_type: varchar}\n", ""),
    ],
)
def test_a_column_that_drifted_is_found(small: Path, old: str, new: str) -> None:
    change(small, SOURCES, old, new)
    assert len(house.drifting_columns(small)) == 1


def test_columns_in_another_order_are_found(small: Path) -> None:
    first, second = (
        "- {name: order_id, data_type: bigint}",
        "- {name: _batch_id, data_type: varchar}",
    )
    text = (small / SOURCES).read_text()
    swapped = text.replace(first, "-").replace(second, first).replace("-\n", f"{second}\n", 1)
    (small / SOURCES).write_text(swapped)
    (found,) = house.drifting_columns(small)
    assert "their order" in found


def test_the_manifest_names_landed_assets_as_landing_does(root: Path) -> None:
    for file, source in house.dbt_sources(root).values():
        for table in source["tables"]:
            key = table.get("config", {}).get("meta", {}).get("dagster", {}).get("asset_key")
            expected = (
                None if source["name"] == "ledger" else ["landing", source["name"], table["name"]]
            )
            assert key == expected, f"{file}: {table['name']}"


@pytest.mark.parametrize(
    "name", ["models/marts/fct_x.sql", "macros/read_x.sql", "tests/assert_x.sql"]
)
def test_only_adapters_read_sources(root: Path, small: Path, name: str) -> None:
    found = house.sources_read_outside_adapters(root)
    assert not found, "\n".join(found)
    assert house.sources_read_outside_adapters(small) == []
    file = small / "dbt_project" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("select 1 from {{ source('shop', 'orders') }}")
    assert len(house.sources_read_outside_adapters(small)) == 1
