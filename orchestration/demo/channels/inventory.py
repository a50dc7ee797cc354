"""The warehouse system: levels that changed on a day, and the movements that changed them.

Levels are Parquet, movements are CSV. A level that did not change is not delivered.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.columns import Rows, chosen, dates, digits, joined, seconds, whole
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, Parquet
from orchestration.demo.inventory_book import MOVEMENTS, InventoryBook
from orchestration.demo.random_numbers import Ints
from orchestration.demo.snapshots import moment_of
from orchestration.demo.world import World

SOURCE = "synthetic_inventory"
FEEDS = (
    Feed(
        SOURCE,
        "movements",
        key=("movement_id",),
        dated_by="business_date",
        dialect=Csv(delimiter=";"),
    ),
    Feed(
        SOURCE,
        "levels",
        key=("business_date", "sku", "location_code"),
        dated_by="business_date",
        dialect=Parquet(),
    ),
)
_SAFETY_STOCK = 5


def deliver(world: World, book: InventoryBook) -> Iterator[tuple[Feed, Rows]]:
    """Movements and levels."""
    number = np.arange(len(book.day), dtype=np.int64)
    product, location = _where(book, book.cell)
    movements = {
        "movement_id": joined("MV", digits(number + 1, 10)),
        "business_date": dates(world.days.since_1970(book.day)),
        "sku": chosen(world.catalogue.skus(), product),
        "location_code": chosen(world.places.location_codes, location),
        "movement_type": chosen(MOVEMENTS, book.kind),
        "quantity": whole(book.quantity),
    }
    yield find_feed(FEEDS, SOURCE, "movements"), Rows(movements, book.day)
    product, location = _where(book, book.level_cell)
    reserved = np.minimum(book.level_cell % 3, book.level)
    levels = {
        "business_date": dates(world.days.since_1970(book.level_day)),
        "sku": chosen(world.catalogue.skus(), product),
        "location_code": chosen(world.places.location_codes, location),
        "on_hand": whole(book.level),
        "reserved": whole(reserved),
        "available": whole(book.level - reserved),
        "incoming": whole(np.where(book.level < 10, 40 - book.level, 0)),
        "safety_stock": whole(np.full(len(book.level), _SAFETY_STOCK)),
        "updated_at": seconds(moment_of(world, book.level_day)),
    }
    yield find_feed(FEEDS, SOURCE, "levels"), Rows(levels, book.level_day)


def _where(book: InventoryBook, cell: Ints) -> tuple[Ints, Ints]:
    return book.product[cell // book.locations], cell % book.locations
