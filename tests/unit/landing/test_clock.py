"""The clock of the machine may jump: what landing serves follows arrival numbers alone."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.landing import ledger as ledger_module
from tests.unit.landing.conftest import JANUARY, Shop, sale

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CLOCK = (NOON, NOON - timedelta(hours=2), NOON + timedelta(days=1), NOON - timedelta(days=400))


def at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_now", lambda: moment.isoformat(timespec="microseconds"))


def test_the_batch_that_arrived_last_is_served_whatever_the_clock_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount, moment in enumerate(CLOCK, start=1):
        at(moment, monkeypatch)
        path = shop.deliver("sales", [sale(1, 2, amount=amount)], "2017-01-02")
        # The file's own times go back as well.
        os.utime(path, (moment.timestamp(), moment.timestamp()))
        shop.landing("sales").land(JANUARY)
        assert shop.landed("sales")["amount"].astype(float).tolist() == [amount]
    (served,) = shop.ledger.current("corner_shop", "sales").values()
    assert served.file is not None
    assert (shop.settings.home / served.file).exists()


def test_a_refusal_is_closed_by_a_good_batch_of_an_earlier_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(NOON, monkeypatch)
    shop.judge.decide = lambda rows: "failed" if (rows["amount"] == 13).any() else "passed"
    shop.deliver("sales", [sale(1, 2, amount=13)], "2017-01-02")
    shop.landing("sales").land(JANUARY)
    assert len(shop.ledger.open_refusals("corner_shop", "sales")) == 1
    at(NOON - timedelta(hours=2), monkeypatch)
    shop.deliver("sales", [sale(1, 2, amount=12)], "2017-01-02")
    shop.landing("sales").land(JANUARY)
    assert shop.ledger.open_refusals("corner_shop", "sales") == ()
    assert shop.landed("sales")["amount"].astype(float).tolist() == [12]
