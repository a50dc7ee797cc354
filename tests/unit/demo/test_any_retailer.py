"""Every seed and every odd size gives a whole retailer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.demo.deliveries import DeliveryWriter
from orchestration.demo.incidents import Planting
from orchestration.demo.panel import NO_PANEL
from orchestration.demo.retailer import ALL_FEEDS, channels_of, generate
from orchestration.demo.sizes import Size
from tests.unit.demo.conftest import SMALLEST, Retailer

NOBODY = replace(SMALLEST, card_people=0, cardless_people=0, online_people=0, prospects=0)
ODD = {
    "only online": replace(NOBODY, online_people=50),
    "only in stores": replace(NOBODY, cardless_people=50),
    "only prospects": replace(NOBODY, prospects=50),
    "one person": replace(NOBODY, card_people=1),
    "one store": replace(SMALLEST, stores=1),
    "all days daily": replace(SMALLEST, daily_days=24),
    "into the new year": replace(SMALLEST, first_date=SMALLEST.first_date.replace(month=12)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_sizes_deliver_every_feed(name: str, tmp_path: Path) -> None:
    outcome = generate(tmp_path, size=ODD[name], seed=3, panel=NO_PANEL)
    assert set(outcome.totals) == set(ALL_FEEDS)
    delivered = {(d.source, d.entity) for d in outcome.delivered}
    assert delivered == {(feed.source, feed.entity) for feed in ALL_FEEDS}


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_pays_to_the_cent(seed: int, tmp_path: Path) -> None:
    size: Size = replace(SMALLEST, daily_days=18)
    books = generate(tmp_path, size=size, seed=seed, panel=NO_PANEL).books
    assert (books.orders.refunded_by_order() <= books.orders.total).all()
    assert (books.inventory.level >= 0).all()
    store = books.store
    assert int(store.tenders.amount.sum()) == int((store.lines.net + store.lines.tax).sum())


def test_a_channel_moves_no_other(run: Callable[..., Retailer], tmp_path: Path) -> None:
    """Written alone and in the reverse order, each channel delivers what it always does."""
    whole = run(size=SMALLEST, planting=Planting.NONE)
    world = whole.books.world
    with DeliveryWriter(tmp_path, SMALLEST, world.days, world.incidents, world.streams) as writer:
        for channel in reversed(channels_of(whole.books)):
            for feed, rows in channel():
                writer.accept(feed, rows)
    hashes = {delivered.path: delivered.file for delivered in whole.outcome.delivered}
    assert {delivered.path: delivered.file for delivered in writer.delivered} == hashes
