"""The web shop's analytics, in the flat shape that loaders give GA4: one row an event.

Delivered as Parquet and restated on the two following mornings, as that vendor restates:
some events come late. People who refuse analytics send events without any id, in a column or
in an address; click ids are there only with consent to advertising too.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from orchestration.demo.behaviour import FROM_EMAIL, FROM_SMS
from orchestration.demo.calendar_days import SHOP_ZONE, to_local
from orchestration.demo.channels.clicks import AD_CAMPAIGNS, ad_campaign_of, click_ids
from orchestration.demo.channels.shop import order_names
from orchestration.demo.columns import (
    Column,
    Rows,
    cents,
    chosen,
    constant,
    digits,
    either,
    first_of,
    joined,
    json_object,
    local_times,
    microseconds,
    only,
    texts,
    whole,
)
from orchestration.demo.devices import BROWSERS, DEVICE_KINDS, SYSTEMS
from orchestration.demo.feeds import Feed
from orchestration.demo.formats import Parquet
from orchestration.demo.order_book import OrderBook
from orchestration.demo.positions import NOTHING, column_at, numbers_at
from orchestration.demo.random_numbers import Bools, Ints
from orchestration.demo.session_book import (
    GOOGLE_ADS,
    META_ADS,
    ORIGINS,
    SEARCHES,
    WEB,
    SessionBook,
)
from orchestration.demo.session_events import (
    ADD_TO_CART,
    CHECKOUT,
    COUPON_VIEW,
    EVENTS,
    FILTER,
    GIFT_OPTION,
    PAGE_VIEW,
    PAYMENT,
    PRODUCT_VIEW,
    PROMOTION,
    PURCHASE,
    QR_SCAN,
    SEARCH,
    SESSION_START,
    STOCK_CHECK,
    STORE_LOCATOR,
    VIDEO,
    SessionEvents,
    expand,
)
from orchestration.demo.world import World

SOURCE = "synthetic_web"
FEED = Feed(
    SOURCE,
    "events",
    key=("bundle_sequence_id", "batch_event_index"),
    dated_by="event_timestamp",
    dialect=Parquet(),
    restated_after=(1, 2),
)
FEEDS = (FEED,)
SESSIONS_A_BLOCK = 60_000
_SITE = "https://shop.maple-main.example"
_NAMES = {
    "product_view": "view_item",
    "search": "view_search_results",
    "promotion_click": "select_promotion",
    "checkout_start": "begin_checkout",
    "payment_info": "add_payment_info",
    "video_play": "video_start",
}
GA4_NAMES = tuple(_NAMES.get(name, name) for name in EVENTS)


def deliver(world: World, sessions: SessionBook, orders: OrderBook) -> Iterator[tuple[Feed, Rows]]:
    """Events of all web sessions, a block of whole days at a time."""
    book = sessions.where(sessions.platform == WEB)
    stream = world.streams.named("web/events")
    for start, stop in blocks_of_days(book.day, SESSIONS_A_BLOCK):
        events = expand(world, book, start, stop, stream)
        yield FEED, _rows(world, book, orders, events)


def blocks_of_days(day: Ints, rows_a_block: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that hold whole days and about that many rows; no rows are one range."""
    if not len(day):
        yield 0, 0
    start = 0
    while start < len(day):
        stop = min(start + rows_a_block, len(day))
        stop = int(np.searchsorted(day, day[stop - 1], side="right"))
        yield start, stop
        start = stop


def _rows(world: World, book: SessionBook, orders: OrderBook, events: SessionEvents) -> Rows:
    session, kind = events.session, events.kind
    person, device = book.person[session], book.device[session]
    measured, allows_ads = book.is_measured[session], book.allows_ads[session]
    origin = book.origin[session]
    devices, places = world.devices, world.places
    city = world.people.store[person]
    local = to_local(SHOP_ZONE, events.moment // 1_000_000)
    knows_user = measured & book.is_logged_in[session] & _after_login(events)
    order = book.order[session]
    is_purchase = kind == PURCHASE
    click = click_ids(world, book)
    clicked = measured & allows_ads
    with_origin = events.number <= 1
    columns: dict[str, Column] = {
        "event_date": joined_date(local),
        "event_timestamp": microseconds(events.moment),
        "event_name": chosen(GA4_NAMES, kind),
        "bundle_sequence_id": whole(session + 1),
        "batch_event_index": whole(events.number),
        "user_pseudo_id": only(devices.cookie_text(book.cookie[session]), measured),
        "user_id": only(digits(world.identifiers.customer(person)), knows_user),
        "param_ga_session_id": only(digits(book.start[session]), measured),
        "param_page_location": _locations(world, book, events, click),
        "param_page_referrer": only(column_at(_REFERRERS, origin), with_origin),
        "param_search_term": only(chosen(SEARCHES, book.search[session]), kind == SEARCH),
        "param_price_filter_min": only(whole(book.start[session] % 4 * 5), kind == FILTER),
        "param_price_filter_max": only(whole(book.start[session] % 4 * 5 + 20), kind == FILTER),
        "param_qr_code_id": only(joined("QR", digits(events.product, 4)), kind == QR_SCAN),
        "param_store_id": only(
            chosen(places.store_codes, city), np.isin(kind, (STOCK_CHECK, STORE_LOCATOR, QR_SCAN))
        ),
        "param_coupon": only(_codes(world, book.campaign[session]), kind == COUPON_VIEW),
        "param_promotion_id": only(
            joined("PROMO", digits(book.day[session] // 7, 3)), kind == PROMOTION
        ),
        "param_video_title": only(constant("How to cook for six", len(kind)), kind == VIDEO),
        "param_engagement_time_msec": whole(events.engaged_ms, kind != SESSION_START),
        "traffic_source_source": only(column_at(_SOURCES, origin), measured),
        "traffic_source_medium": only(column_at(_MEDIUMS, origin), measured),
        "collected_traffic_source_manual_source": only(
            column_at(_SOURCES, origin), with_origin & (origin > 0)
        ),
        "collected_traffic_source_manual_medium": only(
            column_at(_MEDIUMS, origin), with_origin & (origin > 0)
        ),
        "collected_traffic_source_manual_campaign_name": only(
            column_at(_campaign_names(world, book), session), with_origin
        ),
        "collected_traffic_source_gclid": only(
            column_at(click["google"], session), clicked & with_origin & (origin == GOOGLE_ADS)
        ),
        "device_category": column_at(texts(DEVICE_KINDS), devices.kind[device]),
        "device_operating_system": column_at(texts(SYSTEMS), devices.system[device]),
        "device_web_info_browser": column_at(texts(BROWSERS), devices.browser[device]),
        "geo_country": chosen([c.country for c in places.cities], city),
        "geo_region": chosen([c.region for c in places.cities], city),
        "geo_city": chosen([c.name for c in places.cities], city),
        "platform": constant("WEB", len(kind)),
        "stream_id": constant("3206010001", len(kind)),
        "privacy_info_analytics_storage": yes_no(measured),
        "privacy_info_ads_storage": yes_no(allows_ads),
        "ecommerce_transaction_id": only(order_names(order), is_purchase),
        "ecommerce_purchase_revenue": only(_revenue(orders, order), is_purchase),
        "currency": only(chosen(("USD", "CAD"), world.currencies[city]), is_purchase),
        "items": _items(world, events),
    }
    lateness = np.where(events.number == 0, 0, book.lateness[session])
    return Rows(columns, book.day[session], json=frozenset({"items"}), lateness=lateness)


def _after_login(events: SessionEvents) -> Bools:
    """Browsers tell the account with each event behind the login, the third event."""
    return np.asarray(events.number >= 2)


_SOURCES = texts([source for source, _, _ in ORIGINS])
_MEDIUMS = texts([medium for _, medium, _ in ORIGINS])
_REFERRERS = texts([referrer for _, _, referrer in ORIGINS])


def joined_date(local: Ints) -> Column:
    """Wall clock seconds as the eight digits of their date."""
    text = local_times(local)
    year, month, day = (
        pa.compute.utf8_slice_codeunits(text, start=a, stop=b) for a, b in ((0, 4), (5, 7), (8, 10))
    )
    return joined(year, month, day)


def yes_no(values: Bools) -> Column:
    """Consent as the vendor writes it."""
    return either(values, "Yes", constant("No", len(values)))


def _revenue(orders: OrderBook, order: Ints) -> Column:
    return cents(numbers_at(orders.total, order, 0))


def _campaign_names(world: World, book: SessionBook) -> Column:
    """By session: the campaign of the message, or of the ad."""
    sent: list[str | None] = [campaign.name for campaign in world.campaigns]
    paid: list[str | None] = [campaign.name for campaign in AD_CAMPAIGNS]
    ad = ad_campaign_of(book.origin, book.touch)
    of_ad = np.where(ad >= 0, len(sent) + ad, NOTHING)
    return chosen([*sent, *paid], np.where(book.campaign >= 0, book.campaign, of_ad))


def _codes(world: World, campaign: Ints) -> Column:
    return chosen([c.coupon_code or None for c in world.campaigns], campaign)


def _locations(
    world: World, book: SessionBook, events: SessionEvents, click: dict[str, Column]
) -> Column:
    """Addresses of pages; the first ones carry what the link carried."""
    session, kind = events.session, events.kind
    product_page = joined(_SITE, "/products/", chosen(world.catalogue.skus(), events.product))
    paths = {
        SEARCH: "/search",
        STORE_LOCATOR: "/stores",
        ADD_TO_CART: "/cart",
        CHECKOUT: "/checkout",
        PAYMENT: "/checkout/payment",
        PURCHASE: "/checkout/thank-you",
        GIFT_OPTION: "/gift-options",
    }
    page = column_at(texts([_SITE + paths.get(kind, "/") for kind in range(len(EVENTS))]), kind)
    page = either((kind == PRODUCT_VIEW) | (kind == QR_SCAN), product_page, page)
    links = [
        f"?utm_source={source}&utm_medium={medium}" if position else ""
        for position, (source, medium, _) in enumerate(ORIGINS)
    ]
    query = column_at(texts(links), book.origin)
    reason, origin = book.reason, book.origin
    google = joined("&gclid=", click["google"])
    meta = joined("&fbclid=", click["meta"])
    empty = constant("", len(book))
    allowed = book.allows_ads & book.is_measured
    query = joined(query, first_of(only(google, allowed & (origin == GOOGLE_ADS)), empty))
    query = joined(query, first_of(only(meta, allowed & (origin == META_ADS)), empty))
    profile = joined("&_kx=", world.identifiers.profile_text(book.person))
    known = book.is_measured & np.isin(reason, (FROM_EMAIL, FROM_SMS)) & (book.person % 3 == 0)
    query = joined(query, first_of(only(profile, known), empty))
    return either(kind <= PAGE_VIEW, joined(page, column_at(query, session)), page)


def _items(world: World, events: SessionEvents) -> Column:
    product = events.product
    item = json_object(
        {
            "item_id": chosen(world.catalogue.skus(), product),
            "item_name": chosen(world.catalogue.titles(), product),
            "quantity": whole(np.ones(len(product), dtype=np.int64)),
        }
    )
    return only(joined("[", item, "]"), product >= 0)
