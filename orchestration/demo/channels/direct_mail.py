"""Direct mail by a print house: every piece with its drop, hold-outs included, and responses.

Pipe-separated files in a Windows encoding, capital letters, one row a piece. People held out
stand in the file and are never printed: that is how an effect can be measured.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from orchestration.demo.addresses import address_parts, full_names
from orchestration.demo.campaigns import BY_MAIL, MAIL_DAYS_IN_POST
from orchestration.demo.channels.coupons import sale_references
from orchestration.demo.channels.till import coupon_codes
from orchestration.demo.columns import (
    Column,
    Rows,
    cents,
    chosen,
    constant,
    dates,
    digits,
    either,
    joined,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv
from orchestration.demo.positions import numbers_at
from orchestration.demo.random_numbers import Ints
from orchestration.demo.store_book import StoreBook
from orchestration.demo.world import World

SOURCE = "synthetic_direct_mail"
_PIPES = Csv(delimiter="|", encoding="cp1252", has_carriage_return=True, times="day_first")
FEEDS = (
    Feed(SOURCE, "sends", key=("PIECE_ID",), dated_by="DROP_DATE", dialect=_PIPES),
    Feed(
        SOURCE, "responses", key=("PIECE_ID", "ORDER_REF"), dated_by="RESPONSE_DATE", dialect=_PIPES
    ),
)
_CENTS_A_PIECE = 74
CREATIVES = ("letter", "postcard", "catalogue")


def piece_ids(touch: Ints) -> Column:
    """The number printed on a piece."""
    return joined("DM", digits(touch + 1, 10))


def deliver(world: World, book: StoreBook, receipt_ids: Column) -> Iterator[tuple[Feed, Rows]]:
    """Pieces on the day of their drop, responses on the day of the purchase."""
    yield find_feed(FEEDS, SOURCE, "sends"), _sends(world)
    yield find_feed(FEEDS, SOURCE, "responses"), _responses(world, book, receipt_ids)


def _sends(world: World) -> Rows:
    touches = world.behaviour.touches
    piece = np.flatnonzero(touches.channel == BY_MAIL)
    person, campaign = touches.person[piece], touches.campaign[piece]
    day, is_holdout = touches.day[piece], touches.is_holdout[piece]
    drop = world.days.since_1970(day)
    parts = address_parts(world.people, world.places, person)
    return Rows(
        {
            "PIECE_ID": piece_ids(piece),
            "DROP_ID": joined("D", digits(campaign, 4)),
            "CREATIVE": chosen(CREATIVES, campaign % len(CREATIVES)),
            "DROP_DATE": dates(drop),
            "EXPECTED_IN_HOME": dates(drop + MAIL_DAYS_IN_POST),
            "HOUSEHOLD_ID": world.identifiers.mail_household_text(world.people.household[person]),
            "NAME": pc.utf8_upper(full_names(world.people, person)),
            "ADDRESS": pc.utf8_upper(parts["address1"]),
            "CITY": pc.utf8_upper(parts["city"]),
            "STATE": parts["province_code"],
            "ZIP": parts["zip"],
            "IS_HOLDOUT": either(is_holdout, "Y", constant("N", len(piece))),
            "COST": cents(np.where(is_holdout, 0, _CENTS_A_PIECE)),
            "OFFER_CODE": coupon_codes(world, piece, ~is_holdout),
        },
        day,
    )


def _responses(world: World, book: StoreBook, receipt_ids: Column) -> Rows:
    """Purchases with the code of a piece, in stores and online."""
    channel = world.behaviour.touches.channel
    parts = []
    for sales, is_store in ((world.store_sales, True), (world.web_sales, False)):
        touch = sales.purchases.coupon_touch
        answered = np.flatnonzero(sales.uses_coupon & (numbers_at(channel, touch) == BY_MAIL))
        parts.append((answered, touch[answered], sales.day[answered], is_store))
    sale = np.concatenate([part[0] for part in parts])
    touch = np.concatenate([part[1] for part in parts])
    day = np.concatenate([part[2] for part in parts])
    in_store = np.concatenate([np.full(len(part[0]), part[3]) for part in parts])
    return Rows(
        {
            "PIECE_ID": piece_ids(touch),
            "RESPONSE_CODE": coupon_codes(world, touch, np.ones(len(touch), dtype=np.bool_)),
            "RESPONSE_DATE": dates(world.days.since_1970(day)),
            "RESPONSE_CHANNEL": either(in_store, "STORE", constant("WEB", len(touch))),
            "ORDER_REF": sale_references(book, receipt_ids, sale, in_store),
        },
        day,
    ).ordered_by(touch)
