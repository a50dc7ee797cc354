"""Landing interrupted at each of its places: the next landing needs no hand and loses nothing."""

import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from orchestration.failpoints import Action, Place
from orchestration.landing.ledger import Ledger
from orchestration.settings import load_settings
from tests.pipeline.faults.children import ACTIONS, interrupted
from tests.unit.landing.conftest import JANUARY, ObedientJudge, Shop, sale

PLACES = [place for place in Place if place.startswith("landing.")]

# A file that is refused whole: the judge of these tests refuses every batch with this amount.
_REFUSED = 13.0


def shop_in(home: Path) -> Shop:
    settings = load_settings(
        {
            "SHOPTHREAD_HOME": str(home),
            "SHOPTHREAD_FIRST_DAY": "2017-01-01",
            "SHOPTHREAD_LAST_DAY": "2017-01-31",
        }
    )
    folder = home.parent / "shop"
    folder.mkdir(exist_ok=True)
    judge = ObedientJudge(
        lambda rows: (
            "failed" if "amount" in rows and (rows["amount"] == _REFUSED).any() else "passed"
        )
    )
    return Shop(settings, Ledger(settings.ledger_path), folder, judge)


def deliver(shop: Shop) -> None:
    """Three days, one row of them bad, one day refused, and a snapshot."""
    shop.deliver("sales", [sale(1, 2), sale(2, 2, amount=-1), sale(3, 2, card=9), sale(4, 3)])
    shop.deliver("sales", [sale(5, 4, amount=_REFUSED), sale(6, 4)], "2017-01-04")
    shop.deliver("products", [{"product": 1, "name": "soap"}, {"product": 2, "name": None}])


def land(home: Path) -> None:
    shop = shop_in(home)
    shop.landing("sales").land(JANUARY)
    shop.landing("products").land()


def state(home: Path) -> dict[str, object]:
    """Everything that the next step or a person would see, without times and run ids."""
    shop = shop_in(home)
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        batches = ledger.execute(
            "select batch_id, partition_key, verdict, physical_rows, landed_rows,"
            " quarantined_rows, file, reason from batches order by batch_id"
        ).fetchall()
        reasons = ledger.execute("select * from quarantined_rows order by 1, 5").fetchall()
        refusals = ledger.execute(
            "select source_key, entity, partition_key, batch_id, reason from open_refusals"
        ).fetchall()
    landed = {
        entity: shop.landed(entity).sort_values(by=columns, ignore_index=True).to_dict()
        for entity, columns in (("sales", ["receipt"]), ("products", ["product"]))
    }
    files = sorted(
        path.relative_to(home).as_posix()
        for folder in ("landing", "quarantine", "scratch")
        for path in (home / folder).rglob("*")
        if path.is_file()
    )
    vault = pd.read_parquet(shop.settings.identifiers_dir).sort_values("raw").to_dict("list")
    return {
        "batches": batches,
        "reasons": reasons,
        "refusals": refusals,
        "landed": landed,
        "files": files,
        "vault": vault,
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    home = tmp_path_factory.mktemp("undisturbed") / "var"
    deliver(shop_in(home))
    land(home)
    found = state(home)
    assert len(found["batches"]) > 3  # type: ignore[arg-type]
    assert found["reasons"]
    assert found["refusals"]
    return found


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_the_next_landing_finishes_what_was_interrupted(
    tmp_path: Path, undisturbed: dict[str, object], place: Place, action: Action
) -> None:
    home = tmp_path / "var"
    shop = shop_in(home)
    deliver(shop)
    interrupted(place, action, land, home)
    for batch in shop.ledger.current("corner_shop", "sales").values():
        assert (home / str(batch.file)).exists(), "the ledger never names what is not there"
    land(home)
    assert state(home) == undisturbed


@pytest.mark.slow
def test_five_kills_in_a_row_leave_what_none_would_have_left(
    tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    home = tmp_path / "var"
    deliver(shop_in(home))
    for place in (
        Place.LANDING_RENAMED,
        Place.LANDING_RECOVERED,
        Place.LANDING_ANNOUNCED,
        Place.LANDING_RECOVERED,
        Place.LANDING_QUARANTINED,
    ):
        interrupted(place, Action.KILL, land, home)
    land(home)
    assert state(home) == undisturbed
