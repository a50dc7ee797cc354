"""Coupons over all channels: definitions, and when each was issued and redeemed.

A coupon comes with a campaign and holds in stores and online. Redemption by another person
than the one it was issued to does not happen here; at the till the card may be missing.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.calendar_days import Days
from orchestration.demo.campaigns import EFFECT_DAYS, Campaign, sending_moments
from orchestration.demo.channels.shop import order_names
from orchestration.demo.channels.till import coupon_codes
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    dates,
    digits,
    either,
    first_of,
    flags,
    joined,
    only,
    seconds,
    texts,
    whole,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv
from orchestration.demo.people import CHANNELS_OF_EFFECT
from orchestration.demo.positions import NOTHING, column_at, numbers_at
from orchestration.demo.random_numbers import Bools, Ints
from orchestration.demo.snapshots import snapshot_days
from orchestration.demo.store_book import StoreBook
from orchestration.demo.world import World

SOURCE = "synthetic_coupons"
FEEDS = (
    Feed(SOURCE, "definitions", key=("code",), dialect=Csv(delimiter=";"), rhythm="snapshot"),
    Feed(
        SOURCE, "events", key=("event_id",), dated_by="business_date", dialect=Csv(is_gzipped=True)
    ),
)
_VALID_AFTER_EFFECT = 7


def deliver(world: World, book: StoreBook, receipt_ids: Column) -> Iterator[tuple[Feed, Rows]]:
    """Definitions as known at each snapshot, events day by day."""
    for as_of in snapshot_days(world):
        known = [c for c in world.campaigns if c.offer and c.day <= as_of]
        yield find_feed(FEEDS, SOURCE, "definitions"), _definitions(world.days, known, as_of)
    yield find_feed(FEEDS, SOURCE, "events"), _events(world, book, receipt_ids)


def _definitions(days: Days, known: list[Campaign], as_of: int) -> Rows:
    first = np.array([campaign.day for campaign in known], dtype=np.int64)
    length = np.array([EFFECT_DAYS[c.channel] + _VALID_AFTER_EFFECT for c in known], dtype=np.int64)
    count = len(known)
    return Rows.of_snapshot(
        {
            "code": texts([campaign.coupon_code for campaign in known]),
            "campaign": texts([campaign.name for campaign in known]),
            "offer_type": constant("percentage", count),
            "value_permille": whole(np.array([c.offer for c in known], dtype=np.int64)),
            "eligible_category_id": whole(
                np.array([c.department + 1 for c in known], dtype=np.int64)
            ),
            "issue_channel": texts([campaign.channel_name for campaign in known]),
            "redeem_channels": constant("store,web", count),
            "valid_from": dates(days.since_1970(first)),
            "valid_to": dates(days.since_1970(first) + length),
            "is_stackable": flags(np.zeros(count, dtype=np.bool_)),
        },
        as_of,
    )


def _events(world: World, book: StoreBook, receipt_ids: Column) -> Rows:
    touches = world.behaviour.touches
    offers = np.array([campaign.offer for campaign in world.campaigns] + [0])
    issued = np.flatnonzero(~touches.is_holdout & (offers[touches.campaign] > 0))
    store, web = world.store_sales, world.web_sales
    in_store, online = np.flatnonzero(store.uses_coupon), np.flatnonzero(web.uses_coupon)
    touch = np.concatenate(
        [issued, store.purchases.coupon_touch[in_store], web.purchases.coupon_touch[online]]
    )
    kind = np.repeat(np.arange(3), (len(issued), len(in_store), len(online)))
    person = touches.person[touch]
    sale = np.concatenate([np.full(len(issued), -1), in_store, online])
    day = np.concatenate([touches.day[issued], store.day[in_store], web.day[online]])
    sent_at = sending_moments(world.days, touches.channel[issued], touches.day[issued])
    moment = np.concatenate([sent_at, store.moment[in_store], web.moment[online]])
    card = np.where(kind == 1, _card_of_sale(book, sale, kind == 1), world.identifiers.card[person])
    everything = np.ones(len(touch), dtype=np.bool_)
    number = np.arange(len(touch), dtype=np.int64)
    return Rows(
        {
            "event_id": joined("CE", digits(number + 1, 9)),
            "code": coupon_codes(world, touch, everything),
            "event": either(kind == 0, "issued", constant("redeemed", len(touch))),
            "channel": first_of(
                only(chosen(CHANNELS_OF_EFFECT, touches.channel[touch]), kind == 0),
                either(kind == 1, "store", constant("web", len(touch))),
            ),
            "loyalty_id": only(digits(card), card >= 0),
            "message_profile": only(world.identifiers.profile_text(person), kind == 0),
            "order_ref": only(sale_references(book, receipt_ids, sale, kind == 1), kind > 0),
            "business_date": dates(world.days.since_1970(day)),
            "occurred_at": seconds(moment),
        },
        day,
    ).ordered_by(moment, number)


def _card_of_sale(book: StoreBook, sale: Ints, here: Bools) -> Ints:
    receipt = numbers_at(book.receipt_of_sale, np.where(here, sale, NOTHING))
    return numbers_at(book.receipts.card, receipt)


def sale_references(book: StoreBook, receipt_ids: Column, sale: Ints, in_store: Bools) -> Column:
    """The receipt of a sale in a store, else the order."""
    receipt = numbers_at(book.receipt_of_sale, np.where(in_store, sale, NOTHING))
    return first_of(column_at(receipt_ids, receipt), order_names(sale))
