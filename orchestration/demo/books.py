"""All books of a run together: what every channel and the truth read.

Keeping one book belongs to its module; the order in which they need each other stands here.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.incidents import Planting
from orchestration.demo.inventory_book import InventoryBook, keep_inventory_book
from orchestration.demo.ledger import Ledger, keep_ledger
from orchestration.demo.order_book import (
    BY_APP,
    BY_WEB,
    OrderBook,
    draw_sales_channels,
    keep_order_book,
)
from orchestration.demo.panel import PanelCards
from orchestration.demo.session_book import SessionBook, keep_session_book
from orchestration.demo.sizes import Size
from orchestration.demo.store_book import StoreBook, keep_store_book
from orchestration.demo.trouble import USUAL, Trouble
from orchestration.demo.world import World, make_world


@dataclass(frozen=True)
class Books:
    """What channels write down."""

    world: World
    sessions: SessionBook
    orders: OrderBook
    store: StoreBook
    ledger: Ledger
    inventory: InventoryBook


def keep_books(
    size: Size, seed: int, panel: PanelCards, planting: Planting, trouble: Trouble = USUAL
) -> Books:
    """Make the world and everything that is known of it."""
    world = make_world(size, seed, panel, planting, trouble)
    channels = draw_sales_channels(world)
    sessions = keep_session_book(world, np.isin(channels, (BY_WEB, BY_APP)))
    orders = keep_order_book(world, sessions, channels)
    store = keep_store_book(world)
    return Books(
        world=world,
        sessions=sessions,
        orders=orders,
        store=store,
        ledger=keep_ledger(world, store, orders),
        inventory=keep_inventory_book(world, store, orders),
    )
