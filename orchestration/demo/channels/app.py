"""The app's events, in the shape of Segment: nested JSON, one object a line.

Only of people who agreed to analytics: the library is off without. Telephones without a
network send later, so a day is delivered again two mornings after its first delivery.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.channels.shop import order_names
from orchestration.demo.channels.web import SESSIONS_A_BLOCK, blocks_of_days
from orchestration.demo.columns import (
    Column,
    Rows,
    cents,
    chosen,
    constant,
    digits,
    either,
    hexadecimal,
    joined,
    json_object,
    microseconds,
    only,
)
from orchestration.demo.devices import SYSTEMS
from orchestration.demo.feeds import Feed
from orchestration.demo.formats import NewlineJson
from orchestration.demo.order_book import OrderBook
from orchestration.demo.positions import numbers_at
from orchestration.demo.random_numbers import Ints, key_of, mixed
from orchestration.demo.session_book import APP, SEARCHES, SessionBook
from orchestration.demo.session_events import (
    EVENTS,
    FILTER,
    LOGIN,
    PURCHASE,
    QR_SCAN,
    SEARCH,
    SessionEvents,
    expand,
)
from orchestration.demo.world import World

SOURCE = "synthetic_app"
FEED = Feed(
    SOURCE,
    "events",
    key=("messageId",),
    dated_by="timestamp",
    dialect=NewlineJson(),
    restated_after=(2,),
)
FEEDS = (FEED,)
_NAMES = {
    "session_start": "Application Opened",
    "page_view": "Screen Viewed",
    "login": "Signed In",
    "search": "Products Searched",
    "filter_applied": "Product List Filtered",
    "promotion_click": "Promotion Clicked",
    "coupon_view": "Coupon Entered",
    "store_locator": "Store Locator Opened",
    "qr_scan": "QR Code Scanned",
    "product_view": "Product Viewed",
    "stock_check": "Store Stock Checked",
    "price_comparison": "Price Compared",
    "gift_option_view": "Gift Options Viewed",
    "video_play": "Video Playback Started",
    "add_to_cart": "Product Added",
    "checkout_start": "Checkout Started",
    "payment_info": "Payment Info Entered",
    "purchase": "Order Completed",
}
SEGMENT_NAMES = tuple(_NAMES[name] for name in EVENTS)
VERSIONS = ("4.1.0", "4.2.0", "4.2.1", "5.0.0")


def deliver(world: World, sessions: SessionBook, orders: OrderBook) -> Iterator[tuple[Feed, Rows]]:
    """Events of all app sessions, a block of whole days at a time."""
    book = sessions.where((sessions.platform == APP) & sessions.is_measured)
    stream = world.streams.named("app/events")
    done = 0
    for start, stop in blocks_of_days(book.day, SESSIONS_A_BLOCK):
        events = expand(world, book, start, stop, stream)
        yield FEED, _rows(world, book, orders, events, done)
        done += len(events.kind)


def _rows(
    world: World, book: SessionBook, orders: OrderBook, events: SessionEvents, done: int
) -> Rows:
    session, kind, count = events.session, events.kind, len(events.kind)
    person = book.person[session]
    number = done + np.arange(count, dtype=np.int64)
    delay = np.where(book.lateness[session] > 0, 30 * 3600, 4)
    is_login = kind == LOGIN
    account = digits(world.identifiers.customer(person))
    columns: dict[str, Column] = {
        "messageId": joined(
            "ajs-", hexadecimal(mixed(number, key_of(world.streams.seed, "message")))
        ),
        "type": either(is_login, "identify", constant("track", count)),
        "event": only(chosen(SEGMENT_NAMES, kind), ~is_login),
        "anonymousId": world.devices.app_id_text(book.device[session]),
        "userId": only(account, book.is_logged_in[session] & (events.number >= 2)),
        "timestamp": microseconds(events.moment),
        "sentAt": microseconds(events.moment + delay * 1_000_000),
        "receivedAt": microseconds(events.moment + delay * 1_000_000 + 350_000),
        "context": _context(world, book, session),
        "traits": only(_traits(world, person, book.day[session]), is_login),
        "properties": _properties(world, book, orders, events),
    }
    lateness = np.where(book.lateness[session] > 0, 2, 0)
    nested = frozenset({"context", "traits", "properties"})
    return Rows(columns, book.day[session], json=nested, lateness=lateness)


def _context(world: World, book: SessionBook, session: Ints) -> Column:
    device = book.device[session]
    hardware = json_object(
        {
            "type": either(
                world.devices.system[device] == 0, "ios", constant("android", len(device))
            ),
            "token": world.devices.push_token_text(device),
        }
    )
    system = json_object({"name": chosen(SYSTEMS, world.devices.system[device])})
    release = np.minimum(book.day[session] * 4 // max(world.days.count, 1), len(VERSIONS) - 1)
    app = json_object(
        {"name": constant("Maple & Main", len(device)), "version": chosen(VERSIONS, release)}
    )
    zones = [city.zone for city in world.places.cities]
    campaign = book.campaign[session]
    link = chosen([c.name for c in world.campaigns], campaign)
    return json_object(
        {
            "device": hardware,
            "os": system,
            "app": app,
            "timezone": chosen(zones, world.people.store[book.person[session]]),
            "campaign": only(json_object({"name": link}), campaign >= 0),
        },
        raw=frozenset({"device", "os", "app", "campaign"}),
    )


def _traits(world: World, person: Ints, day: Ints) -> Column:
    line = world.phones.line_on(person, day)
    return json_object(
        {
            "email": world.emails.of(person),
            "phone": only(world.phones.international(line), person % 2 == 0),
        }
    )


def _properties(
    world: World, book: SessionBook, orders: OrderBook, events: SessionEvents
) -> Column:
    session, kind = events.session, events.kind
    order = book.order[session]
    is_purchase = kind == PURCHASE
    product = events.product
    low = book.start[session] % 4 * 5
    span = joined(digits(low), "-", digits(low + 20))
    filters = joined('[{"type":"price","value":"', span, '"}]')
    currency = world.currencies[world.people.store[book.person[session]]]
    return json_object(
        {
            "session_id": digits(book.start[session]),
            "sku": chosen(world.catalogue.skus(), product),
            "name": chosen(world.catalogue.titles(), product),
            "query": only(chosen(SEARCHES, book.search[session]), kind == SEARCH),
            "filters": only(filters, kind == FILTER),
            "qr_code_id": only(joined("QR", digits(events.product, 4)), kind == QR_SCAN),
            "order_id": only(order_names(order), is_purchase),
            "total": only(cents(numbers_at(orders.total, order, 0)), is_purchase),
            "currency": only(chosen(("USD", "CAD"), currency), is_purchase),
        },
        raw=frozenset({"filters"}),
    )
