"""Expand sessions into their events: pages, searches, products, carts, purchases.

The vocabulary is the house's; `channels.web` and `channels.app` say it in their vendors'
words. Works on a range of sessions at a time, so that fifty million events need no more
memory than one block.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.people import GIFT_GIVER
from orchestration.demo.positions import numbers_at
from orchestration.demo.random_numbers import Bools, Ints, Stream
from orchestration.demo.session_book import SessionBook
from orchestration.demo.world import World

EVENTS = (
    "session_start",
    "page_view",
    "login",
    "search",
    "filter_applied",
    "promotion_click",
    "coupon_view",
    "store_locator",
    "qr_scan",
    "product_view",
    "stock_check",
    "price_comparison",
    "gift_option_view",
    "video_play",
    "add_to_cart",
    "checkout_start",
    "payment_info",
    "purchase",
)
(
    SESSION_START, PAGE_VIEW, LOGIN, SEARCH, FILTER, PROMOTION, COUPON_VIEW, STORE_LOCATOR, QR_SCAN,
    PRODUCT_VIEW, STOCK_CHECK, PRICE_COMPARISON, GIFT_OPTION, VIDEO, ADD_TO_CART, CHECKOUT, PAYMENT,
    PURCHASE,
) = range(len(EVENTS))  # fmt: skip
_RARE = (
    (FILTER, 110_000),
    (PROMOTION, 60_000),
    (STORE_LOCATOR, 30_000),
    (QR_SCAN, 12_000),
    (STOCK_CHECK, 40_000),
    (PRICE_COMPARISON, 25_000),
    (VIDEO, 15_000),
)


@dataclass(frozen=True)
class SessionEvents:
    """One entry an event, ordered by session and time."""

    session: Ints
    """Position in the book."""
    kind: Ints
    number: Ints
    """Number within the session, from 0."""
    moment: Ints
    """Microseconds since 1970."""
    product: Ints
    """Position in the catalogue, or -1."""
    engaged_ms: Ints


def expand(world: World, book: SessionBook, start: int, stop: int, stream: Stream) -> SessionEvents:
    """Events of the sessions from `start` to before `stop`."""
    session = np.arange(start, stop, dtype=np.int64)
    count = len(session)
    parts: list[tuple[Ints, int]] = [(session, SESSION_START), (session, PAGE_VIEW)]

    def add(what: int, happens: Bools) -> None:
        parts.append((session[happens], what))

    block = slice(start, stop)
    add(LOGIN, book.is_logged_in[block])
    add(SEARCH, book.search[block] >= 0)
    add(COUPON_VIEW, book.campaign[block] >= 0)
    for rare, ppm in _RARE:
        add(rare, stream.chance(ppm, count))
    parts.append((np.repeat(session, book.views[block]), PRODUCT_VIEW))
    is_gift = (world.people.persona[book.person[block]] == GIFT_GIVER) & stream.chance(
        400_000, count
    )
    add(GIFT_OPTION, is_gift)
    add(ADD_TO_CART, book.has_cart[block])
    add(CHECKOUT, book.has_checkout[block])
    add(PAYMENT, (book.order[block] >= 0) | book.is_failed[block])
    add(PURCHASE, book.order[block] >= 0)
    of_session = np.concatenate([part for part, _ in parts])
    kind = np.concatenate([np.full(len(part), what) for part, what in parts])
    order = np.argsort(of_session * 32 + kind, kind="stable")
    of_session, kind = of_session[order], kind[order]
    number = np.arange(len(kind)) - np.searchsorted(of_session, of_session)
    micros = (book.start[of_session] + number * 30) * 1_000_000
    micros = micros + np.where(number > 0, stream.below(25_000_000, len(kind)), 0)
    return SessionEvents(
        session=of_session,
        kind=kind,
        number=number,
        moment=micros,
        product=_products(world, book, of_session, kind, stream),
        engaged_ms=np.where(kind == SESSION_START, 0, stream.below(40_000, len(kind))),
    )


def _products(world: World, book: SessionBook, session: Ints, kind: Ints, stream: Stream) -> Ints:
    """What is looked at: the favourite department, and what is ordered then."""
    catalogue, count = world.catalogue, len(session)
    drawn = stream.pick_by_row(catalogue.draw_by_department, book.department[session])
    order = book.order[session]
    lines = world.web_sales.lines
    first_line = np.searchsorted(lines.sale, np.arange(len(world.web_sales)))
    bought = numbers_at(lines.product, numbers_at(first_line, order))
    drawn = np.where((bought >= 0) & stream.chance(600_000, count), bought, drawn)
    missing = world.out_of_stock_online[book.day[session]]
    misses = (missing >= 0) & stream.chance(60_000, count)
    drawn = np.where(misses, missing, drawn)
    has_product = np.isin(
        kind, (PRODUCT_VIEW, STOCK_CHECK, PRICE_COMPARISON, QR_SCAN, ADD_TO_CART, GIFT_OPTION)
    )
    return np.where(has_product, drawn, -1)
