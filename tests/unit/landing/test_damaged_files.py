"""Landed files that are not what was accepted: noticed, taken back, landed again."""

import random
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from orchestration.landing.ledger import DAMAGED
from orchestration.landing.stored_files import damaged_files
from tests.unit.landing.conftest import JANUARY, Shop, sale

SALES = ("corner_shop", "sales")


@pytest.fixture
def landed(shop: Shop) -> Shop:
    shop.deliver("sales", [sale(number, 2 + number % 3) for number in range(30)])
    shop.deliver("products", [{"product": 1, "name": "soap"}])
    # Each day with sales in a file of its own.
    for days in (JANUARY[1:2], JANUARY[2:3], JANUARY[3:4], JANUARY):
        shop.landing("sales").land(days)
    shop.landing("products").land()
    return shop


def file_of(shop: Shop, day: str) -> Path:
    return shop.settings.home / str(shop.ledger.current(*SALES)[day].file)


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def cut(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


@pytest.mark.parametrize(
    "harm, times", [(flip, 20), (cut, 5), pytest.param(flip, 200, marks=pytest.mark.slow)]
)
def test_no_damage_of_a_landed_file_goes_unnoticed(landed: Shop, harm: object, times: int) -> None:
    chance = random.Random(20261125)
    files = [file_of(landed, f"2017-01-0{day}") for day in (2, 3, 4)]
    assert damaged_files(landed.settings.home, landed.ledger, [SALES]) == []
    for _ in range(times):
        path = chance.choice(files)
        whole = path.read_bytes()
        harm(path, chance)  # type: ignore[operator]
        found = damaged_files(landed.settings.home, landed.ledger, [SALES])
        assert {landed.settings.home / str(item.batch.file) for item in found} == {path}
        path.write_bytes(whole)


def test_a_damaged_day_is_landed_again_whatever_days_are_asked_for(landed: Shop) -> None:
    before = landed.landed("sales").sort_values("receipt", ignore_index=True)
    path = file_of(landed, "2017-01-03")
    cut(path, random.Random(1))
    report = landed.landing("sales").land([date(2017, 1, 2)])
    assert {item.partition: item.outcome for item in report.partitions} == {
        "2017-01-02": "unchanged",
        "2017-01-03": "accepted",
    }
    assert landed.landed("sales").sort_values("receipt", ignore_index=True).equals(before)
    assert landed.ledger.open_refusals() == ()
    assert damaged_files(landed.settings.home, landed.ledger, [SALES]) == []
    (account,) = (row for row in landed.ledger.accounting() if row["entity"] == "sales")
    assert account["physical_rows"] == account["landed_rows"] == 30


def test_days_that_share_a_damaged_file_are_all_landed_again(shop: Shop) -> None:
    shop.deliver("sales", [sale(number, 2 + number % 3) for number in range(30)])
    shop.landing("sales").land(JANUARY)
    before = shop.landed("sales").sort_values("receipt", ignore_index=True)
    path = file_of(shop, "2017-01-03")
    assert path == file_of(shop, "2017-01-04")
    flip(path, random.Random(3))
    found = damaged_files(shop.settings.home, shop.ledger, [SALES])
    assert {item.batch.partition_key for item in found} == {day.isoformat() for day in JANUARY}
    shop.landing("sales").land([date(2017, 1, 2)])
    assert shop.landed("sales").sort_values("receipt", ignore_index=True).equals(before)
    assert shop.ledger.open_refusals() == ()
    assert damaged_files(shop.settings.home, shop.ledger, [SALES]) == []
    assert len(list(shop.settings.quarantine_dir.rglob("damaged.parquet"))) == 1


def test_a_day_that_is_served_again_does_not_land_twice_and_leaves_its_neighbours(
    shop: Shop,
) -> None:
    first = [sale(1, 2), sale(2, 3), sale(4, 5)]
    for rows in (
        first,
        [sale(1, 2, amount=3.0), sale(2, 3, amount=3.0), sale(4, 5)],
        [*first, sale(3, 4)],
    ):
        shop.deliver("sales", rows)
        shop.landing("sales").land(JANUARY)
    files = sorted((shop.settings.landing_dir / "corner_shop" / "sales").rglob("*.parquet"))
    stored = pd.concat(map(pd.read_parquet, files))
    assert len(stored) == len(stored.drop_duplicates(["receipt", "_batch_id"])) == 6
    landed = shop.landed("sales").sort_values("receipt")
    assert landed["receipt"].tolist() == [1, 2, 3, 4]
    assert landed["amount"].tolist() == [1.5, 1.5, 1.5, 1.5]


def test_what_the_source_does_not_offer_again_is_missed_out_loud(landed: Shop) -> None:
    file_of(landed, "2017-01-03").unlink()
    (landed.folder / "sales.parquet").unlink()
    landed.landing("sales").land(JANUARY)
    assert landed.ledger.lost_partitions(*SALES) == {"2017-01-03"}
    (refusal,) = landed.ledger.open_refusals()
    assert refusal.reason == "the landed file is gone"
    (account,) = (row for row in landed.ledger.accounting() if row["entity"] == "sales")
    assert account["quarantined_rows"] == 10
    assert account["physical_rows"] == 30
    landed.deliver("sales", [sale(99, 3)], "2017-01-03")
    landed.landing("sales").land(JANUARY)
    assert landed.ledger.lost_partitions(*SALES) == frozenset()
    assert landed.ledger.open_refusals() == ()


def test_damage_of_a_superseded_batch_is_missed_by_nobody(landed: Shop) -> None:
    old = file_of(landed, "2017-01-03")
    landed.deliver("sales", [sale(99, 3)], "2017-01-03")
    landed.landing("sales").land([date(2017, 1, 3)])
    cut(old, random.Random(1))
    landed.landing("sales").land([date(2017, 1, 2)])
    assert landed.ledger.open_refusals() == ()
    assert landed.ledger.lost_partitions(*SALES) == frozenset()
    assert damaged_files(landed.settings.home, landed.ledger, [SALES]) == []
    kept = list((landed.settings.quarantine_dir).rglob("damaged.parquet"))
    assert len(kept) == 1
    assert DAMAGED == "damaged_file"


def test_a_damaged_snapshot_is_landed_again(landed: Shop) -> None:
    (batch,) = landed.ledger.current("corner_shop", "products").values()
    flip(landed.settings.home / str(batch.file), random.Random(2))
    (item,) = landed.landing("products").land().partitions
    assert item.outcome == "accepted"
    assert landed.landed("products")["name"].tolist() == ["soap"]
