"""Stock by product and location: movements that explain every level.

Only goods that are counted by the piece are tracked. The level at the end of a day is the
sum of all movements up to it; shelves are filled when they run low, what sells on a day is
brought in before if it must be. What comes back to a warehouse that is empty on purpose is set
aside. What the warehouse system writes belongs to
`channels.inventory`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.baskets import summed_by
from orchestration.demo.order_book import DELIVERY, OrderBook
from orchestration.demo.random_numbers import Ints
from orchestration.demo.store_book import StoreBook
from orchestration.demo.world import World

MOVEMENTS = ("opening", "receipt", "sale", "return", "adjust")
OPENING, RECEIPT, SALE, RETURN, ADJUST = range(5)
_FULL = 40
_LOW = 10
_SHRINKAGE_PPM = 4_000
_COUNTED_DEPARTMENTS = (4, 7, 9, 10, 11)


@dataclass(frozen=True)
class InventoryBook:
    """Movements ordered by day, and levels of the cells that moved on a day."""

    product: Ints
    """Tracked products."""
    day: Ints
    cell: Ints
    """Product within the tracked ones times locations, plus location."""
    kind: Ints
    quantity: Ints
    level_day: Ints
    level_cell: Ints
    level: Ints
    locations: int


def keep_inventory_book(world: World, store: StoreBook, orders: OrderBook) -> InventoryBook:
    """Walk through the days and keep the shelves filled."""
    product = tracked_products(world)
    locations = len(world.places.location_codes)
    cells = len(product) * locations
    sold = _demand(world, store, orders, product, locations)
    blocked = _blocked(world, product, locations)
    stream = world.streams.named("inventory")
    level = np.zeros(cells, dtype=np.int64)
    parts: list[tuple[Ints, int, Ints, int]] = []
    levels: list[tuple[Ints, Ints, int]] = []

    def move(cell: Ints, kind: int, quantity: Ints, day: int) -> None:
        level[cell] += quantity
        parts.append((cell, kind, quantity, day))

    def empty(cell: Ints, day: int) -> None:
        left = cell[level[cell] > 0]
        move(left, ADJUST, -level[left], day)

    everything = np.arange(cells, dtype=np.int64)
    for day in range(world.days.count):
        before = level.copy()
        if day == 0:
            move(everything, OPENING, np.full(cells, _FULL), day)
        closed = blocked[day]
        empty(closed, day)
        gone, back = sold[0][day], sold[1][day]
        refill = (level < _LOW) | (level < gone)
        refill[closed] = False
        low = np.flatnonzero(refill)
        move(low, RECEIPT, np.maximum(_FULL - level[low], 0) + gone[low], day)
        sells = np.flatnonzero(gone)
        move(sells, SALE, -gone[sells], day)
        returns = np.flatnonzero(back)
        move(returns, RETURN, back[returns], day)
        empty(closed, day)
        lost = np.flatnonzero(stream.chance(_SHRINKAGE_PPM, cells) & (level > 0))
        move(lost, ADJUST, np.full(len(lost), -1), day)
        changed = np.flatnonzero(level != before)
        levels.append((changed, level[changed].copy(), day))
    return InventoryBook(
        product=product,
        day=np.concatenate([np.full(len(part[0]), part[3]) for part in parts]),
        cell=np.concatenate([part[0] for part in parts]),
        kind=np.concatenate([np.full(len(part[0]), part[1]) for part in parts]),
        quantity=np.concatenate([part[2] for part in parts]),
        level_day=np.concatenate([np.full(len(part[0]), part[2]) for part in levels]),
        level_cell=np.concatenate([part[0] for part in levels]),
        level=np.concatenate([part[1] for part in levels]),
        locations=locations,
    )


def tracked_products(world: World) -> Ints:
    """Products that are counted by the piece; the one of a stock split among them."""
    catalogue = world.catalogue
    product = np.arange(catalogue.gift_card, dtype=np.int64)
    counted = np.isin(catalogue.department[product], _COUNTED_DEPARTMENTS) & (product % 2 == 1)
    split = world.out_of_stock_online
    counted[split[split >= 0]] = True
    return np.flatnonzero(counted)


def _demand(
    world: World, store: StoreBook, orders: OrderBook, product: Ints, locations: int
) -> tuple[Ints, Ints]:
    """Pieces sold and returned, by day and cell."""
    place = np.full(len(world.catalogue), -1, dtype=np.int64)
    place[product] = np.arange(len(product))
    cells, days = len(product) * locations, world.days.count
    lines, receipts = store.lines, store.receipts
    web = world.web_sales
    line_location = _location_of_orders(world, orders)[web.lines.sale]
    refund_lines, refunds = orders.refund_lines, orders.refunds
    refund_order = refunds.order[refund_lines.refund]
    back_to = np.where(
        refunds.store[refund_lines.refund] >= 0,
        refunds.store[refund_lines.refund],
        _location_of_orders(world, orders)[refund_order],
    )
    goods = np.concatenate([lines.product, web.lines.product, web.lines.product[refund_lines.line]])
    location = np.concatenate([receipts.city[lines.receipt], line_location, back_to])
    day = np.concatenate(
        [receipts.day[lines.receipt], web.day[web.lines.sale], refunds.day[refund_lines.refund]]
    )
    pieces = np.concatenate([lines.quantity, web.lines.quantity, -refund_lines.quantity])
    counted = place[goods] >= 0
    cell = day[counted] * cells + place[goods[counted]] * locations + location[counted]
    pieces = pieces[counted]
    gone = summed_by(cell[pieces > 0], pieces[pieces > 0], cells * days)
    back = summed_by(cell[pieces < 0], -pieces[pieces < 0], cells * days)
    return gone.reshape(days, cells), back.reshape(days, cells)


def _location_of_orders(world: World, orders: OrderBook) -> Ints:
    """The store that serves an order, or the warehouse of its currency."""
    city = world.web_sales.city
    warehouse = len(world.places.cities) + world.currencies[city]
    return np.where(orders.method == DELIVERY, warehouse, city)


def _blocked(world: World, product: Ints, locations: int) -> list[Ints]:
    """Cells of each day that are empty on purpose: a split product in both warehouses."""
    blocked = []
    for missing in world.out_of_stock_online:
        position = np.searchsorted(product, missing) if missing >= 0 else -1
        warehouses = position * locations + np.arange(locations - 2, locations)
        blocked.append(warehouses if missing >= 0 else np.empty(0, dtype=np.int64))
    return blocked
