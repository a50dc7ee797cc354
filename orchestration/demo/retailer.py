"""Run the retailer: make its world, keep its books, deliver every channel, tell the truth.

The entrance of the package. What is drawn lies in `world`, what is delivered in `channels`,
how in `deliveries`, what is true of it in `truth`. The same size, seed and incidents give
the same bytes of every text file and the same content of every Parquet and gzip file.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.demo.books import Books, keep_books
from orchestration.demo.channels import (
    ads,
    app,
    consent,
    coupons,
    crm,
    direct_mail,
    experiments,
    inventory,
    loyalty,
    messages,
    reference,
    service,
    shop,
    social,
    store_floor,
    till,
    web,
)
from orchestration.demo.columns import Rows
from orchestration.demo.deliveries import Delivered, DeliveryWriter, FeedTotals
from orchestration.demo.feeds import Feed
from orchestration.demo.incidents import Planting
from orchestration.demo.panel import PanelCards
from orchestration.demo.sightings import Sightings
from orchestration.demo.sizes import Size
from orchestration.demo.trouble import USUAL, Trouble
from orchestration.demo.truth import write_truth

Deliveries = Iterator[tuple[Feed, Rows]]

_CHANNELS = (
    till, shop, web, app, messages, loyalty, crm, consent, reference, ads, direct_mail, coupons,
    service, inventory, social, store_floor, experiments,
)  # fmt: skip
ALL_FEEDS: tuple[Feed, ...] = tuple(feed for channel in _CHANNELS for feed in channel.FEEDS)


@dataclass(frozen=True)
class Outcome:
    """What a run wrote."""

    books: Books
    delivered: tuple[Delivered, ...]
    totals: dict[Feed, FeedTotals]
    world_seconds: float
    """CPU seconds before the first delivery."""

    @property
    def event_count(self) -> int:
        """Rows of daily feeds, without repeats and restatements."""
        return sum(total.events for total in self.totals.values())


def channels_of(books: Books) -> tuple[Callable[[], Deliveries], ...]:
    """What each channel delivers, in the order in which it is written."""
    world = books.world
    receipt_ids = till.receipt_ids(world, books.store)
    return (
        lambda: till.deliver(world, books.store),
        lambda: shop.deliver(world, books.orders, books.sessions),
        lambda: web.deliver(world, books.sessions, books.orders),
        lambda: app.deliver(world, books.sessions, books.orders),
        lambda: messages.deliver(world),
        lambda: loyalty.deliver(world, books.ledger, receipt_ids),
        lambda: crm.deliver(world),
        lambda: consent.deliver(world),
        lambda: reference.deliver(world),
        lambda: ads.deliver(world, books.sessions),
        lambda: direct_mail.deliver(world, books.store, receipt_ids),
        lambda: coupons.deliver(world, books.store, receipt_ids),
        lambda: service.deliver(world, books.orders),
        lambda: inventory.deliver(world, books.inventory),
        lambda: social.deliver(world),
        lambda: store_floor.deliver(world, books.store),
        lambda: experiments.deliver(world),
    )


def generate(
    output: Path,
    *,
    size: Size,
    seed: int,
    panel: PanelCards,
    planting: Planting = Planting.ALL,
    trouble: Trouble = USUAL,
) -> Outcome:
    """Write deliveries and truth below `output`, which must be empty or absent."""
    begun = time.process_time()
    books = keep_books(size, seed, panel, planting, trouble)
    world = books.world
    world_seconds = time.process_time() - begun
    seen = Sightings()
    with DeliveryWriter(output, size, world.days, world.incidents, world.streams) as writer:
        for channel in channels_of(books):
            begun = time.process_time()
            for feed, rows in channel():
                seen.note(feed, rows)
                writer.spend(feed, time.process_time() - begun)
                writer.accept(feed, rows)
                begun = time.process_time()
    write_truth(output, books, tuple(writer.delivered), seen)
    return Outcome(books, tuple(writer.delivered), writer.totals, world_seconds)
