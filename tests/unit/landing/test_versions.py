"""Which of two batches of a partition is served: the content tells, not the order of arrival."""

import hashlib
import itertools
import json
import random
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.landing.contract import Column
from orchestration.landing.ledger import Ledger
from orchestration.settings import load_settings
from orchestration.sources.config import SourceConfig
from tests.unit.landing.conftest import CONTRACTS, SOURCE, ObedientJudge, Shop, sale

DAY = "2017-01-01"


def shop_whose_version_is(version: object, folder: Path) -> Shop:
    """A shop of its own whose sales say their version in this way."""
    declared = SOURCE.model_dump(mode="json")
    for entity in declared["entities"]:
        if entity["name"] == "sales":
            entity["version"] = version
    settings = load_settings(
        {
            "SHOPTHREAD_HOME": str(folder / "var"),
            "SHOPTHREAD_FIRST_DAY": DAY,
            "SHOPTHREAD_LAST_DAY": "2017-01-31",
        }
    )
    (folder / "shop").mkdir(parents=True)
    return Shop(
        settings,
        Ledger(settings.ledger_path),
        folder / "shop",
        ObedientJudge(),
        source=SourceConfig.model_validate(declared),
    )


class Delivering:
    """Delivers sales of one day and lands them, as files with or without a manifest."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def landing(self):
        landing = self.shop.landing("sales")
        is_manifest = landing.entity.version == "manifest"
        landing.reader = replace(landing.reader, wants_manifests=is_manifest)
        return landing

    def deliver(
        self, rows: list[dict[str, Any]], version: int | None = None, **said: object
    ) -> Path:
        path = self.shop.deliver("sales", rows, DAY)
        if version is not None:
            told = {
                "version": version,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "records": len(rows),
            }
            manifest = path.with_name(f"{DAY}.manifest.json")
            manifest.write_text(json.dumps({**told, **said}), "utf-8")
        return path

    def amounts(self) -> list[float]:
        return sorted(float(value) for value in self.shop.landed("sales").get("amount", []))


VERSIONS = [(number, [sale(1, 1, amount=number), sale(2, 1, amount=10)]) for number in range(1, 6)]
"""Five versions of one day; in the last two the content is the same."""
VERSIONS[4] = (5, VERSIONS[3][1])


@pytest.mark.slow
def test_any_order_of_five_versions_serves_the_highest(tmp_path: Path) -> None:
    orders = list(itertools.permutations(VERSIONS))
    chosen = [*random.Random(7).sample(orders, 12), orders[0], orders[-1]]
    for number, order in enumerate(chosen):
        day = Delivering(shop_whose_version_is("manifest", tmp_path / str(number)))
        for version, rows in order:
            day.deliver(rows, version)
            report = day.landing().land()
            assert {item.outcome for item in report.partitions} <= {"accepted", "unchanged"}
            assert day.landing().pending() == []
        assert day.amounts() == [4.0, 10.0], order
        (served,) = day.shop.ledger.current("corner_shop", "sales").values()
        assert served.version == f"{5:018d}"


def test_the_greatest_value_of_a_column_can_be_the_version(tmp_path: Path) -> None:
    newer = [sale(1, 1, amount=2) | {"sold_at": datetime(2017, 1, 1, 20)}]
    older = [sale(1, 1, amount=1) | {"sold_at": datetime(2017, 1, 1, 17)}]
    for number, order in enumerate(itertools.permutations([newer, older])):
        day = Delivering(shop_whose_version_is({"column": "sold_at"}, tmp_path / str(number)))
        for rows in order:
            day.deliver(rows)
            day.landing().land()
        assert day.amounts() == [2.0]
        assert day.landing().pending() == []


def test_without_a_version_the_last_that_arrived_is_served(tmp_path: Path) -> None:
    day = Delivering(shop_whose_version_is("arrival", tmp_path))
    for amount in (3, 1):
        day.deliver([sale(1, 1, amount=amount)])
        day.landing().land()
    assert day.amounts() == [1.0]


def test_a_file_waits_until_its_manifest_names_its_bytes(tmp_path: Path) -> None:
    day = Delivering(shop_whose_version_is("manifest", tmp_path))
    path = day.deliver([sale(1, 1)])
    assert day.landing().pending() == []
    assert day.landing().land([date(2017, 1, 1)]).warnings == (
        f"{DAY}.parquet waits for its manifest {DAY}.manifest.json and was not read",
    )
    day.deliver([sale(1, 1)], 1, sha256="0" * 64)
    assert "names other ones" in day.landing().land().warnings[0]
    (path.with_name(f"{DAY}.manifest.json")).write_text("{", "utf-8")
    assert "waits for a readable manifest" in day.landing().land().warnings[0]
    assert day.amounts() == []
    day.deliver([sale(1, 1)], 1)
    assert [name for name, _ in day.landing().pending()] == [DAY]
    assert day.landing().land().warnings == ()
    assert day.amounts() == [1.5]


def test_a_file_with_fewer_records_than_its_manifest_says_is_refused(tmp_path: Path) -> None:
    day = Delivering(shop_whose_version_is("manifest", tmp_path))
    day.deliver([sale(1, 1)], 1, records=2)
    (refused,) = day.landing().land().refused
    assert refused.reason == "accounting: its manifest says 2 records and the file holds 1"


def test_an_older_version_does_not_close_the_refusal_of_a_newer_one(tmp_path: Path) -> None:
    day = Delivering(shop_whose_version_is("manifest", tmp_path))
    day.deliver([sale(1, 1, amount=-5)], 2)
    assert [item.partition for item in day.landing().land().refused] == [DAY]
    day.deliver([sale(1, 1)], 1)
    day.landing().land()
    assert day.amounts() == [1.5]
    assert len(day.shop.ledger.open_refusals("corner_shop", "sales")) == 1
    day.deliver([sale(1, 1, amount=5)], 3)
    day.landing().land()
    assert day.amounts() == [5.0]
    assert day.shop.ledger.open_refusals("corner_shop", "sales") == ()


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    day = Delivering(shop_whose_version_is({"column": "revision"}, tmp_path))
    contract = replace(
        CONTRACTS["sales"],
        columns=(*CONTRACTS["sales"].columns, Column("revision", "bigint", nullable=False)),
    )
    for amount, revision in ((10, 10), (9, 9)):
        day.deliver([sale(1, 1, amount=amount) | {"revision": revision}])
        day.shop.landing("sales", contract).land()
    assert day.amounts() == [10.0]
