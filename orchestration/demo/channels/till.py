"""Tills: receipts, their lines and tenders, from two till systems with two dialects.

The American system writes plain CSV, the Canadian one semicolons, decimal commas, day-first
dates and a Windows encoding. Columns are the same. Each receipt says its business date and
zone, because stores stand in several.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from orchestration.demo.columns import (
    Column,
    Rows,
    cents,
    chosen,
    constant,
    dates,
    digits,
    either,
    flags,
    joined,
    local_times,
    only,
    seconds,
    whole,
)
from orchestration.demo.contacts import Phones
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv
from orchestration.demo.identifiers import CARD_BRANDS
from orchestration.demo.positions import column_at, numbers_at
from orchestration.demo.random_numbers import Bools, Ints
from orchestration.demo.store_book import RECEIPT_TYPES, TENDER_TYPES, StoreBook
from orchestration.demo.world import World

_AMERICAN = Csv(times="plain")
_CANADIAN = Csv(
    delimiter=";",
    encoding="cp1252",
    decimal_mark=",",
    times="day_first",
    has_carriage_return=True,
)
SOURCES = ("synthetic_till_us", "synthetic_till_ca")
FEEDS = tuple(
    Feed(source, entity, key=key, dated_by="business_date", dialect=dialect)
    for source, dialect in zip(SOURCES, (_AMERICAN, _CANADIAN), strict=True)
    for entity, key in (
        ("transactions", ("transaction_id",)),
        ("transaction_lines", ("transaction_id", "line_no")),
        ("tenders", ("transaction_id", "tender_no")),
    )
)
RETURN_REASONS = ("damaged", "changed_mind", "wrong_item", "expired", "too_many")
_RECEIPT_EMAIL_PPM = 160_000
_RECEIPT_PHONE_PPM = 60_000
_REGISTERS = 6
_ASSOCIATES = 14


def receipt_ids(world: World, book: StoreBook) -> Column:
    """Ids of all receipts: store, business date, number."""
    receipts = book.receipts
    date_text = dates(world.days.since_1970(receipts.day)).cast(pa.string())
    store = chosen(world.places.store_codes, receipts.city)
    return joined(store, "-", date_text, "-", digits(receipts.number, 4))


def deliver(world: World, book: StoreBook) -> Iterator[tuple[Feed, Rows]]:
    """Rows of both till systems."""
    ids = receipt_ids(world, book)
    transactions = _transactions(world, book, ids)
    lines = _lines(world, book, ids)
    tenders = _tenders(world, book, ids)
    is_canadian = world.currencies[book.receipts.city] == 1
    for source, here in zip(SOURCES, (~is_canadian, is_canadian), strict=True):
        yield find_feed(FEEDS, source, "transactions"), transactions.where(here)
        of_lines = here[book.lines.receipt]
        yield find_feed(FEEDS, source, "transaction_lines"), lines.where(of_lines)
        yield find_feed(FEEDS, source, "tenders"), tenders.where(here[book.tenders.receipt])


def _transactions(world: World, book: StoreBook, ids: Column) -> Rows:
    receipts, count = book.receipts, len(book.receipts.kind)
    stream = world.streams.named("till/transactions")
    email_typed = world.emails.as_typed(receipts.person, stream)
    gives_email = stream.chance(_RECEIPT_EMAIL_PPM, count)
    phone = _typed_phone(world.phones, receipts.person, receipts.day, world)
    gives_phone = stream.chance(_RECEIPT_PHONE_PPM, count)
    net, tax = book.total(book.lines.net), book.total(book.lines.tax)
    currency = world.currencies[receipts.city]
    return Rows(
        {
            "transaction_id": ids,
            "store_id": chosen(world.places.store_codes, receipts.city),
            "register_id": whole(1 + stream.below(_REGISTERS, count)),
            "associate_id": joined(
                "A", digits(receipts.city * 100 + stream.below(_ASSOCIATES, count), 4)
            ),
            "receipt_no": whole(receipts.number),
            "transaction_type": chosen(RECEIPT_TYPES, receipts.kind),
            "business_date": dates(world.days.since_1970(receipts.day)),
            "opened_at_local": local_times(receipts.local - stream.between(20, 400, count)),
            "completed_at_local": local_times(receipts.local),
            "completed_at": seconds(receipts.moment),
            "time_zone": chosen([city.zone for city in world.places.cities], receipts.city),
            "gross_amount": cents(book.total(book.lines.gross)),
            "discount_amount": cents(book.total(book.lines.discount)),
            "net_amount": cents(net),
            "tax_amount": cents(tax),
            "total_amount": cents(net + tax),
            "currency": chosen(("USD", "CAD"), currency),
            "loyalty_card_no": only(world.identifiers.card_text(receipts.card), receipts.card >= 0),
            "receipt_email": only(email_typed, gives_email),
            "receipt_phone": only(phone, gives_phone),
            "related_transaction_id": column_at(ids, receipts.related),
        },
        receipts.day,
    )


def _typed_phone(phones: Phones, person: Ints, day: Ints, world: World) -> Column:
    line = phones.line_on(person, day)
    return phones.as_typed(line, world.streams.named("till/phones"))


def _lines(world: World, book: StoreBook, ids: Column) -> Rows:
    lines, receipts = book.lines, book.receipts
    day = receipts.day[lines.receipt]
    is_back = lines.reason >= 0
    coupon = _coupon_codes(world, receipts.sale[lines.receipt], lines.has_coupon)
    return Rows(
        {
            "transaction_id": column_at(ids, lines.receipt),
            "line_no": whole(lines.number),
            "business_date": dates(world.days.since_1970(day)),
            "sku": chosen(world.catalogue.skus(), lines.product),
            "quantity": whole(lines.quantity),
            "list_price": cents(lines.list_unit),
            "gross_amount": cents(lines.gross),
            "discount_amount": cents(lines.discount),
            "net_amount": cents(lines.net),
            "tax_amount": cents(lines.tax),
            "cost_amount": cents(lines.cost),
            "coupon_code": coupon,
            "is_gift": flags(world.streams.named("till/gifts").chance(15_000, len(day)) & ~is_back),
            "return_of_transaction_id": only(
                column_at(ids, receipts.related[lines.receipt]), is_back
            ),
            "return_of_line_no": whole(lines.origin_number, is_back),
            "return_reason": chosen(RETURN_REASONS, lines.reason),
            "gift_card_hash": only(
                world.identifiers.gift_card_hash_text(lines.gift_card), lines.gift_card >= 0
            ),
        },
        day,
    )


def _coupon_codes(world: World, sale: Ints, has_coupon: Bools) -> Column:
    touch = world.store_sales.purchases.coupon_touch[sale]
    return coupon_codes(world, touch, has_coupon)


def coupon_codes(world: World, touch: Ints, is_used: Bools) -> Column:
    """Codes of the coupons that touches brought, where they are used."""
    campaign = numbers_at(world.behaviour.touches.campaign, touch)
    codes = [campaign.coupon_code or None for campaign in world.campaigns]
    return only(chosen(codes, campaign), is_used)


def _tenders(world: World, book: StoreBook, ids: Column) -> Rows:
    tenders, receipts = book.tenders, book.receipts
    day = receipts.day[tenders.receipt]
    starts = np.searchsorted(tenders.receipt, tenders.receipt)
    has_token = tenders.token >= 0
    token = np.maximum(tenders.token, 0)
    identifiers = world.identifiers
    city = receipts.city[tenders.receipt]
    return Rows(
        {
            "transaction_id": column_at(ids, tenders.receipt),
            "tender_no": whole(np.arange(len(starts)) - starts + 1),
            "business_date": dates(world.days.since_1970(day)),
            "tender_type": chosen(TENDER_TYPES, tenders.kind),
            "amount": cents(tenders.amount),
            "currency": either(world.currencies[city] == 1, "CAD", constant("USD", len(day))),
            "payment_token_hash": only(identifiers.payment_hash_text(token), has_token),
            "card_last4": only(identifiers.last_four_text(token), has_token),
            "card_brand": only(chosen(CARD_BRANDS, identifiers.brand(token)), has_token),
            "gift_card_hash": only(
                identifiers.gift_card_hash_text(tenders.gift_card), tenders.gift_card >= 0
            ),
        },
        day,
    )
