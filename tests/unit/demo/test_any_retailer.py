"""Every seed and every odd size gives a whole retailer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.demo.baskets import summed_by
from orchestration.demo.books import Books, keep_books
from orchestration.demo.deliveries import DeliveryWriter
from orchestration.demo.incidents import Planting
from orchestration.demo.names import JUNK_EMAILS, SHOP_PHONE
from orchestration.demo.panel import NO_PANEL
from orchestration.demo.retailer import ALL_FEEDS, channels_of, generate
from orchestration.demo.trouble import POISONED
from tests.unit.demo.conftest import FEW_FILES, SMALLEST, Retailer

NOBODY = replace(FEW_FILES, card_people=0, cardless_people=0, online_people=0, prospects=0)
ODD = {
    "only online": replace(NOBODY, online_people=50),
    "only in stores": replace(NOBODY, cardless_people=50),
    "only prospects": replace(NOBODY, prospects=50),
    "one person": replace(NOBODY, card_people=1),
    "one store": replace(FEW_FILES, stores=1),
    "all days daily": replace(NOBODY, online_people=20, daily_days=24),
    "into the new year": replace(FEW_FILES, first_date=SMALLEST.first_date.replace(month=12)),
}
_FAST = {"one person", "only prospects"}


@pytest.mark.parametrize(
    "name",
    [name if name in _FAST else pytest.param(name, marks=pytest.mark.slow) for name in ODD],
)
def test_odd_sizes_deliver_every_feed(name: str, tmp_path: Path) -> None:
    outcome = generate(tmp_path, size=ODD[name], seed=3, panel=NO_PANEL, planting=Planting.NONE)
    assert set(outcome.totals) == set(ALL_FEEDS)
    delivered = {(d.source, d.entity) for d in outcome.delivered}
    assert delivered == {(feed.source, feed.entity) for feed in ALL_FEEDS}


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 9))]
)
def test_any_seed_pays_to_the_cent(seed: int) -> None:
    books = keep_books(SMALLEST, seed, NO_PANEL, Planting.ALL)
    refunds = books.orders.refunds
    back = summed_by(refunds.order, books.orders.refund_totals(), len(books.orders.channel))
    assert (back <= books.orders.total).all()
    assert (books.inventory.level >= 0).all()
    store = books.store
    paid = summed_by(store.tenders.receipt, store.tenders.amount, len(store.receipts.kind))
    assert (paid == store.total(store.lines.net + store.lines.tax)).all()


def test_a_poisoned_world_glues_more_strangers_together() -> None:
    usual = keep_books(SMALLEST, 1, NO_PANEL, Planting.NONE)
    poisoned = keep_books(SMALLEST, 1, NO_PANEL, Planting.NONE, POISONED)
    person = np.zeros(20_000, dtype=np.int64)

    def junk(books: Books) -> tuple[float, float]:
        world = books.world
        typed = world.emails.as_typed(person, world.streams.named("test"))
        phones = world.phones.as_typed(person, world.streams.named("test"))
        nobodys = pd.Series(typed.to_pylist()).isin(JUNK_EMAILS)
        return nobodys.mean(), (pd.Series(phones.to_pylist()) == SHOP_PHONE).mean()

    assert junk(usual) == (pytest.approx(0.012, abs=0.003), 0)
    assert junk(poisoned) == (pytest.approx(0.02, abs=0.003), pytest.approx(0.05, abs=0.005))
    assert poisoned.sessions.is_kiosk.mean() > usual.sessions.is_kiosk.mean()
    # Only identifiers differ: people do the same.
    for ours, theirs in zip(
        usual.world.behaviour.orders, poisoned.world.behaviour.orders, strict=True
    ):
        assert (ours == theirs).all()


def test_a_channel_moves_no_other(run: Callable[..., Retailer], tmp_path: Path) -> None:
    """Written alone and in the reverse order, each channel delivers what it always does."""
    whole = run(size=FEW_FILES, planting=Planting.NONE)
    world = whole.books.world
    with DeliveryWriter(tmp_path, FEW_FILES, world.days, world.incidents, world.streams) as writer:
        for channel in reversed(channels_of(whole.books)):
            for feed, rows in channel():
                writer.accept(feed, rows)
    hashes = {delivered.path: delivered.file for delivered in whole.outcome.delivered}
    assert {delivered.path: delivered.file for delivered in writer.delivered} == hashes
