"""The web shop's system, in the shape of Shopify: orders to refunds, checkouts, customers.

Orders are compressed JSON lines with nested addresses and codes, their parts are CSV.
Amounts in JSON are texts, as that vendor sends them. An order is delivered for the date of
the shop on which it was placed, in the state of the next morning.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from orchestration.demo.addresses import (
    address_json,
    family_names,
    full_names,
    given_names_typed,
)
from orchestration.demo.catalogue import BRANDS
from orchestration.demo.channels.till import coupon_codes
from orchestration.demo.columns import (
    Column,
    Rows,
    cents,
    chosen,
    constant,
    digits,
    either,
    flags,
    hexadecimal,
    iso_times,
    joined,
    json_object,
    only,
    seconds,
    whole,
)
from orchestration.demo.consent import EMAIL as EMAIL_CONSENT
from orchestration.demo.contacts import masked_emails
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, JsonArray, NewlineJson
from orchestration.demo.identifiers import CARD_BRANDS
from orchestration.demo.order_book import (
    BOPIS,
    BY_MARKETPLACE,
    DELIVERED,
    FULFILLMENT_EVENTS,
    METHODS,
    PICKED_UP,
    SALES_CHANNELS,
    OrderBook,
)
from orchestration.demo.people import CARDLESS
from orchestration.demo.positions import column_at, numbers_at
from orchestration.demo.random_numbers import Ints, key_of, mixed
from orchestration.demo.session_book import GOOGLE_ADS, ORIGINS, SessionBook
from orchestration.demo.snapshots import moment_of, snapshot_days
from orchestration.demo.world import World

SOURCE = "synthetic_shop"
_CSV = Csv()
FEEDS = (
    Feed(
        SOURCE, "orders", key=("id",), dated_by="created_at", dialect=NewlineJson(is_gzipped=True)
    ),
    Feed(SOURCE, "order_lines", key=("id",), dated_by="order_created_at", dialect=_CSV),
    Feed(SOURCE, "refunds", key=("id",), dated_by="created_at", dialect=JsonArray()),
    Feed(SOURCE, "refund_lines", key=("id",), dated_by="processed_at", dialect=_CSV),
    Feed(SOURCE, "transactions", key=("id",), dated_by="created_at", dialect=Csv(is_quoted=True)),
    Feed(SOURCE, "fulfillment_events", key=("id",), dated_by="happened_at", dialect=NewlineJson()),
    Feed(SOURCE, "abandoned_checkouts", key=("id",), dated_by="created_at", dialect=NewlineJson()),
    Feed(
        SOURCE, "customers", key=("id",), dialect=Csv(has_byte_order_mark=True), rhythm="snapshot"
    ),
)
_FIRST_ORDER = 4_500_000_000_000
_FIRST_REFUND = 850_000_000_000
_FIRST_TRANSACTION = 5_600_000_000_000
_STORE_LOCATION = 61_000
CONDITIONS = ("unopened", "opened", "damaged")
GATEWAYS = ("shopify_payments", "paypal", "marketplace_payments")
REFUND_NOTES = ("damaged", "changed_mind", "wrong_item", "arrived_late", "too_small")


def order_ids(order: Ints) -> Ints:
    """The shop's number of an order."""
    return _FIRST_ORDER + order * 1024


def order_names(order: Ints) -> Column:
    """The number that customers see; web analytics calls it the transaction."""
    return joined("#MM", digits(order + 100_001))


def line_ids(order: Ints, number: Ints) -> Ints:
    """The shop's number of an order's line."""
    return order_ids(order) + number


def location_ids(store: Ints) -> Ints:
    """The shop's number of a store."""
    return _STORE_LOCATION + store


def deliver(world: World, book: OrderBook, sessions: SessionBook) -> Iterator[tuple[Feed, Rows]]:
    """Rows of the shop system."""
    for entity, rows in (
        ("orders", _orders(world, book, sessions)),
        ("order_lines", _order_lines(world, book)),
        ("refunds", _refunds(world, book)),
        ("refund_lines", _refund_lines(world, book)),
        ("transactions", _transactions(world, book)),
        ("fulfillment_events", _fulfillment_events(world, book)),
        ("abandoned_checkouts", _abandoned_checkouts(world, sessions)),
    ):
        yield find_feed(FEEDS, SOURCE, entity), rows
    for as_of in snapshot_days(world):
        yield find_feed(FEEDS, SOURCE, "customers"), _customers(world, as_of)


def customer_numbers(world: World, book: OrderBook) -> Ints:
    """Account, or the number that a guest gets for one order."""
    order = np.arange(len(book.channel), dtype=np.int64)
    account = world.identifiers.customer(world.web_sales.person)
    return np.where(book.is_guest, world.identifiers.guest_customer(order), account)


def _emails(world: World, book: OrderBook) -> Column:
    """Accounts have one address; guests type one; marketplaces hide theirs."""
    sales = world.web_sales
    typed = world.emails.as_typed(sales.person, world.streams.named("shop/emails"))
    email = either(book.is_guest, typed, world.emails.of(sales.person))
    masked = masked_emails(np.arange(len(sales), dtype=np.int64))
    return either(book.channel == BY_MARKETPLACE, masked, email)


def _currency(world: World, city: Ints) -> Column:
    return chosen(("USD", "CAD"), world.currencies[city])


def _orders(world: World, book: OrderBook, sessions: SessionBook) -> Rows:
    sales, count = world.web_sales, len(book.channel)
    person, order = sales.person, np.arange(count, dtype=np.int64)
    stream = world.streams.named("shop/orders")
    line = world.phones.line_on(person, sales.day)
    phone = only(world.phones.as_typed(line, stream), stream.chance(550_000, count))
    name = joined(
        given_names_typed(world.people, person, stream), " ", family_names(world.people, person)
    )
    ships_elsewhere = stream.chance(60_000, count)  # a present
    receiver = np.where(ships_elsewhere, (person + 1) % len(world.people), person)
    address = address_json(world.people, world.places, person, name, phone)
    shipping = address_json(
        world.people, world.places, receiver, full_names(world.people, receiver), phone
    )
    next_morning = world.days.since_1970(sales.day + 1) * 86_400 + 6 * 3600
    known_cancelled = book.is_cancelled & (book.cancelled_at < next_morning)
    discount = sales.total(sales.lines.discount)
    coupon_amount = sales.total(sales.lines.coupon_off)
    code = coupon_codes(world, sales.purchases.coupon_touch, coupon_amount > 0)
    codes = json_object(
        {"code": code, "amount": cents(coupon_amount), "type": constant("percentage", count)}
    )
    token = hexadecimal(mixed(order, key_of(world.streams.seed, "checkout")))
    is_pickup = book.method == BOPIS
    return Rows(
        {
            "id": whole(order_ids(order)),
            "name": order_names(order),
            "created_at": seconds(sales.moment),
            "processed_at": seconds(sales.moment + 2),
            "updated_at": seconds(np.where(known_cancelled, book.cancelled_at, sales.moment + 60)),
            "cancelled_at": seconds(book.cancelled_at, known_cancelled),
            "cancel_reason": only(constant("customer", count), known_cancelled),
            "email": _emails(world, book),
            "phone": phone,
            "customer_id": whole(customer_numbers(world, book), book.channel != BY_MARKETPLACE),
            "currency": _currency(world, sales.city),
            "total_line_items_price": cents(sales.total(sales.lines.gross)),
            "total_discounts": cents(discount),
            "subtotal_price": cents(book.net),
            "total_shipping": cents(book.shipping),
            "total_tax": cents(book.tax),
            "total_price": cents(book.total),
            "financial_status": either(known_cancelled, "refunded", constant("paid", count)),
            "source_name": chosen(SALES_CHANNELS, book.channel),
            "location_id": whole(location_ids(sales.city), is_pickup),
            "seller_id": only(
                joined("SELLER", digits(order % 7, 3)), book.channel == BY_MARKETPLACE
            ),
            "buyer_accepts_marketing": flags(
                world.consents.holds_for(EMAIL_CONSENT, person, sales.day)
            ),
            "checkout_token": token,
            "cart_token": joined("c1-", token),
            "landing_site": _landing(world, book, sessions),
            "referring_site": _referrer(book, sessions),
            "gateway": _gateway(book),
            "discount_codes": either(coupon_amount > 0, joined("[", codes, "]"), "[]"),
            "billing_address": address,
            "shipping_address": only(shipping, ~is_pickup),
            "tags": only(joined("fulfillment:", chosen(METHODS, book.method)), book.method > 0),
            "test": flags(np.zeros(count, dtype=np.bool_)),
        },
        sales.day,
        json=frozenset({"discount_codes", "billing_address", "shipping_address"}),
    ).ordered_by(sales.moment)


def _gateway(book: OrderBook) -> Column:
    gateway = np.where(book.channel == BY_MARKETPLACE, 2, np.where(book.token >= 0, 0, 1))
    return chosen(GATEWAYS, gateway)


def _landing(world: World, book: OrderBook, sessions: SessionBook) -> Column:
    """The page that the session began on, with its click id where the person allows it."""
    session = book.session
    origin, touch = numbers_at(sessions.origin, session), numbers_at(sessions.touch, session)
    path = [f"/?utm_source={source}&utm_medium={medium}" for source, medium, _ in ORIGINS]
    page = chosen(["/", *path[1:]], origin)
    allowed = numbers_at(sessions.allows_ads.astype(np.int64), session, 0) == 1
    gclid = joined(page, "&gclid=", world.identifiers.click_text(touch, "google"))
    has_gclid = allowed & (origin == GOOGLE_ADS) & (touch >= 0)
    return either(has_gclid, gclid, page)


def _referrer(book: OrderBook, sessions: SessionBook) -> Column:
    origin = numbers_at(sessions.origin, book.session)
    return chosen([referrer for _, _, referrer in ORIGINS], origin)


def _order_lines(world: World, book: OrderBook) -> Rows:
    sales, lines = world.web_sales, world.web_sales.lines
    day = sales.day[lines.sale]
    number = lines.numbers()
    skus = chosen(world.catalogue.skus(), lines.product)
    is_gift = lines.product == world.catalogue.gift_card
    is_pickup = book.method[lines.sale] == BOPIS
    store_lines = world.store_sales.lines.product == world.catalogue.gift_card
    gift_number = int(store_lines.sum()) + np.cumsum(is_gift) - 1
    coupon = coupon_codes(world, sales.purchases.coupon_touch[lines.sale], lines.coupon_off > 0)
    return Rows(
        {
            "id": whole(line_ids(lines.sale, number)),
            "order_id": whole(order_ids(lines.sale)),
            "order_created_at": seconds(sales.moment[lines.sale]),
            "index": whole(number),
            "product_id": whole(7_000_000 + lines.product),
            "variant_id": whole(40_000_000 + lines.product),
            "sku": skus,
            "title": chosen(world.catalogue.titles(), lines.product),
            "vendor": chosen(BRANDS, world.catalogue.brand[lines.product]),
            "quantity": whole(lines.quantity),
            "price": cents(lines.list_unit),
            "total_discount": cents(lines.discount),
            "pre_tax_price": cents(lines.net),
            "tax_amount": cents(lines.tax),
            "cost_amount": cents(lines.cost),
            "currency": _currency(world, sales.city[lines.sale]),
            "discount_code": coupon,
            "gift_card": flags(is_gift),
            "gift_card_hash": only(world.identifiers.gift_card_hash_text(gift_number), is_gift),
            "requires_shipping": flags(~is_gift),
            "gift_wrap": flags(world.streams.named("shop/gift wrap").chance(20_000, len(day))),
            "fulfillment_method": chosen(METHODS, book.method[lines.sale]),
            "pickup_location_id": whole(location_ids(sales.city[lines.sale]), is_pickup),
        },
        day,
    )


def _refunds(world: World, book: OrderBook) -> Rows:
    refunds, count = book.refunds, len(book.refunds.order)
    number = np.arange(count, dtype=np.int64)
    stream = world.streams.named("shop/refunds")
    note = chosen(REFUND_NOTES, stream.below(len(REFUND_NOTES), count))
    city = world.web_sales.city[refunds.order]
    return Rows(
        {
            "id": whole(_FIRST_REFUND + number),
            "order_id": whole(order_ids(refunds.order)),
            "created_at": seconds(refunds.moment),
            "processed_at": seconds(refunds.moment + 30),
            "note": either(refunds.is_cancellation, "cancelled", note),
            "restock": flags(stream.chance(900_000, count)),
            "location_id": whole(location_ids(np.maximum(refunds.store, 0)), refunds.store >= 0),
            "return_channel": either(refunds.store >= 0, "store", constant("mail", count)),
            "shipping_refund": cents(refunds.shipping),
            "total_refunded": cents(book.refund_totals()),
            "currency": _currency(world, city),
        },
        refunds.day,
    ).ordered_by(refunds.moment)


def _refund_lines(world: World, book: OrderBook) -> Rows:
    lines, sales = book.refund_lines, world.web_sales
    refund_day = book.refunds.day[lines.refund]
    order = sales.lines.sale[lines.line]
    number = sales.lines.numbers()[lines.line]
    at = book.refunds.moment[lines.refund]
    stream = world.streams.named("shop/conditions")
    return Rows(
        {
            "id": whole(_FIRST_REFUND * 8 + lines.line),
            "refund_id": whole(_FIRST_REFUND + lines.refund),
            "order_line_id": whole(line_ids(order, number)),
            "processed_at": seconds(at),
            "quantity": whole(lines.quantity),
            "subtotal": cents(lines.net),
            "total_tax": cents(lines.tax),
            "restock_type": constant("return", len(order)),
            "condition": chosen(CONDITIONS, stream.pick((70, 22, 8), len(order))),
        },
        refund_day,
    ).ordered_by(at)


def _transactions(world: World, book: OrderBook) -> Rows:
    """Authorisation and capture of cards, sales of wallets, and refunds."""
    sales, refunds = world.web_sales, book.refunds
    is_card = book.token >= 0
    cards, wallets = np.flatnonzero(is_card), np.flatnonzero(~is_card)
    order = np.concatenate([cards, cards, wallets, refunds.order])
    kinds = ("authorization", "capture", "sale", "refund")
    counts = (len(cards), len(cards), len(wallets), len(refunds.order))
    kind = np.repeat(np.arange(len(kinds)), counts)
    placed = sales.moment
    at = np.concatenate(
        [placed[cards] + 3, placed[cards] + 40, placed[wallets] + 3, refunds.moment]
    )
    day = np.concatenate([sales.day[cards], sales.day[cards], sales.day[wallets], refunds.day])
    amount = np.concatenate([book.total[order[: len(order) - counts[3]]], book.refund_totals()])
    refund = np.arange(len(order)) - (len(order) - counts[3])
    token = np.maximum(book.token[order], 0)
    with_card = is_card[order]
    last_four = world.identifiers.last_four_text(token)
    id_of = _FIRST_TRANSACTION + order * 8 + kind  # an order has one refund at most
    return Rows(
        {
            "id": whole(id_of),
            "order_id": whole(order_ids(order)),
            "refund_id": whole(_FIRST_REFUND + refund, refund >= 0),
            "kind": chosen(kinds, kind),
            "gateway": column_at(_gateway(book), order),
            "status": constant("success", len(order)),
            "amount": cents(amount),
            "currency": _currency(world, sales.city[order]),
            "created_at": seconds(at),
            "processed_at": seconds(at),
            "payment_credit_card_company": only(
                chosen(CARD_BRANDS, world.identifiers.brand(token)), with_card
            ),
            "payment_credit_card_number": only(joined("•••• •••• •••• ", last_four), with_card),
            "payment_token_hash": only(world.identifiers.payment_hash_text(token), with_card),
        },
        day,
    ).ordered_by(at, id_of)


def _fulfillment_events(world: World, book: OrderBook) -> Rows:
    steps = book.steps
    method = book.method[steps.order]
    status = chosen(FULFILLMENT_EVENTS, steps.kind)
    at_store = (method == BOPIS) | (steps.kind == PICKED_UP)
    carrier = constant("Northern Parcel", len(steps.order))
    return Rows(
        {
            "id": whole(_FIRST_ORDER * 2 + steps.order * 16 + steps.kind),
            "order_id": whole(order_ids(steps.order)),
            "fulfillment_method": chosen(METHODS, method),
            "location_id": whole(location_ids(world.web_sales.city[steps.order]), method > 0),
            "status": status,
            "happened_at": seconds(steps.moment),
            "tracking_company": only(carrier, ~at_store & (steps.kind <= DELIVERED)),
            "tracking_number": only(joined("NP", digits(order_ids(steps.order))), ~at_store),
        },
        steps.day,
    ).ordered_by(steps.moment)


def _abandoned_checkouts(world: World, sessions: SessionBook) -> Rows:
    """Checkouts that were begun and left; most of them had an address typed already."""
    left = np.flatnonzero(sessions.abandons)
    person, day = sessions.person[left], sessions.day[left]
    stream = world.streams.named("shop/checkouts")
    gives_email = sessions.is_logged_in[left] | stream.chance(600_000, len(left))
    typed = world.emails.as_typed(person, stream)
    email = either(sessions.is_logged_in[left], world.emails.of(person), typed)
    token = hexadecimal(mixed(left, key_of(world.streams.seed, "abandoned")))
    begun = sessions.start[left] + 60
    return Rows(
        {
            "id": whole(_FIRST_ORDER * 3 + left),
            "token": token,
            "cart_token": joined("c1-", token),
            "created_at": seconds(begun),
            "updated_at": seconds(sessions.end()[left] + 300),
            "completed_at": pa.nulls(len(left), pa.string()),
            "email": only(email, gives_email),
            "customer_id": whole(world.identifiers.customer(person), sessions.is_logged_in[left]),
            "currency": _currency(world, world.people.store[person]),
            "total_price": cents(stream.between(700, 9_000, len(left))),
            "abandoned_checkout_url": joined("https://shop.maple-main.example/checkouts/", token),
        },
        day,
    ).ordered_by(begun)


def _customers(world: World, as_of: int) -> Rows:
    """Accounts that exist on a day, as they are on it."""
    people = world.people
    exists = people.has_account & (people.first_day <= as_of) & (people.kind != CARDLESS)
    person = np.flatnonzero(exists)
    day = np.full(len(person), as_of)
    created = moment_of(world, people.first_day[person]) + person % 3600
    columns: Mapping[str, Column] = {
        "id": whole(world.identifiers.customer(person)),
        "first_name": _account_names(world, person),
        "last_name": family_names(people, person),
        "email": world.emails.of(person),
        "phone": only(
            world.phones.international(world.phones.line_on(person, day)), person % 3 != 0
        ),
        "state": constant("enabled", len(person)),
        "accepts_marketing": flags(world.consents.holds_for(EMAIL_CONSENT, person, day)),
        "verified_email": flags(~world.emails.is_dead[person]),
        "created_at": iso_times(created),
        "updated_at": iso_times(moment_of(world, day)),
    }
    return Rows.of_snapshot(columns, as_of)


def _account_names(world: World, person: Ints) -> Column:
    """Given names as they stand in accounts: always typed the same way."""
    stream = world.streams.named("shop/customers")
    everyone = given_names_typed(world.people, world.people.ids(), stream)
    return column_at(everyone, person)
