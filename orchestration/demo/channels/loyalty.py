"""The loyalty system: members, the points ledger, tiers and vouchers, as semicolon files.

Points are earned on receipts with a card and on orders of members, taken back with returns and
burnt for vouchers. The panel's receipts earn nothing here: its rows are its own. The ledger is
the file that arrives twice when an incident is planted.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.addresses import family_names, given_names_typed
from orchestration.demo.baskets import summed_by
from orchestration.demo.channels.shop import order_names
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    dates,
    digits,
    joined,
    only,
    seconds,
    whole,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv
from orchestration.demo.ledger import BURN, EARN, ENTRY_TYPES, POINTS_A_VOUCHER, Ledger
from orchestration.demo.positions import NOTHING, column_at, numbers_at
from orchestration.demo.random_numbers import Ints
from orchestration.demo.snapshots import snapshot_days
from orchestration.demo.world import World

SOURCE = "synthetic_loyalty"
_CSV = Csv(delimiter=";", is_quoted=True)
FEEDS = (
    Feed(
        SOURCE,
        "ledger",
        key=("entry_id",),
        dated_by="business_date",
        dialect=Csv(delimiter=";", times="plain"),
    ),
    Feed(SOURCE, "members", key=("loyalty_id",), dialect=_CSV, rhythm="snapshot"),
    Feed(SOURCE, "vouchers", key=("voucher_id",), dialect=_CSV, rhythm="snapshot"),
)
TIERS = ("basic", "silver", "gold")
_TIER_FROM = (0, 400, 1500)


def deliver(world: World, ledger: Ledger, receipt_ids: Column) -> Iterator[tuple[Feed, Rows]]:
    """The ledger day by day, members and vouchers as snapshots."""
    yield find_feed(FEEDS, SOURCE, "ledger"), _ledger_rows(world, ledger, receipt_ids)
    for as_of in snapshot_days(world):
        yield find_feed(FEEDS, SOURCE, "members"), _members(world, ledger, as_of)
        yield find_feed(FEEDS, SOURCE, "vouchers"), _vouchers(world, ledger, as_of)


def _ledger_rows(world: World, ledger: Ledger, receipt_ids: Column) -> Rows:
    count = len(ledger.card)
    is_receipt, is_order = ledger.receipt >= 0, ledger.order >= 0
    channel = np.where(is_receipt, 0, np.where(is_order | (ledger.person % 2 == 0), 1, 0))
    return Rows(
        {
            "entry_id": joined("L", digits(np.arange(count, dtype=np.int64) + 1, 9)),
            "loyalty_id": digits(ledger.card),
            "entry_type": chosen(ENTRY_TYPES, ledger.kind),
            "points": whole(ledger.points),
            "channel": chosen(("store", "web"), channel),
            "business_date": dates(world.days.since_1970(ledger.day)),
            "occurred_at": seconds(ledger.moment),
            "transaction_id": column_at(receipt_ids, ledger.receipt),
            "order_name": only(order_names(ledger.order), is_order),
            "voucher_id": only(voucher_ids(ledger.voucher), ledger.voucher >= 0),
            "expires_on": dates(world.days.since_1970(ledger.day) + 365, ledger.kind == EARN),
        },
        ledger.day,
    )


def voucher_ids(voucher: Ints) -> Column:
    """Numbers of vouchers."""
    return joined("V", digits(np.maximum(voucher, 0) + 1, 8))


def _members(world: World, ledger: Ledger, as_of: int) -> Rows:
    """Every card with its holder, as enrolled; second cards are members of their own."""
    identifiers, people = world.identifiers, world.people
    exists = people.first_day <= as_of
    first = np.flatnonzero((identifiers.card >= 0) & exists)
    second = np.flatnonzero((identifiers.second_card >= 0) & exists)
    person = np.concatenate([first, second])
    card = np.concatenate([identifiers.card[first], identifiers.second_card[second]])
    is_second = np.arange(len(person)) >= len(first)
    day = np.full(len(person), as_of)
    stream = world.streams.named("loyalty/members")
    everyone = people.ids()
    typed = column_at(given_names_typed(people, everyone, stream), person)
    email = column_at(world.emails.as_typed(everyone, stream), person)
    phone = world.phones.as_typed(world.phones.line_on(everyone, people.first_day), stream)
    has_email = stream.chance(700_000, len(people))[person] & ~is_second
    has_phone = stream.chance(500_000, len(people))[person]
    tier = np.searchsorted(_TIER_FROM, _earned(ledger, card, as_of), side="right") - 1
    return Rows.of_snapshot(
        {
            "loyalty_id": digits(card),
            "enrolled_on": dates(world.days.since_1970(people.first_day[person] - person % 900)),
            "enrol_channel": chosen(("store", "web", "app"), person % 3),
            "first_name": typed,
            "last_name": family_names(people, person),
            "email": only(email, has_email),
            "phone": only(column_at(phone, person), has_phone),
            "home_store_id": chosen(world.places.store_codes, people.store[person]),
            "household_id": world.identifiers.mail_household_text(people.household[person]),
            "tier": chosen(TIERS, tier),
            "updated_on": dates(world.days.since_1970(day)),
        },
        as_of,
    )


def _earned(ledger: Ledger, card: Ints, as_of: int) -> Ints:
    seen = (ledger.day <= as_of) & (ledger.kind != BURN)
    order = np.argsort(card, kind="stable")
    sought, points = ledger.card[seen], ledger.points[seen]
    slot = np.searchsorted(card[order], sought)
    place = numbers_at(order, np.where(slot < len(card), slot, NOTHING))
    known = numbers_at(card, place) == sought
    return summed_by(place[known], points[known], len(card))


def _vouchers(world: World, ledger: Ledger, as_of: int) -> Rows:
    seen = np.flatnonzero((ledger.voucher >= 0) & (ledger.day <= as_of))
    redeemed = ledger.day[seen] + 3 + ledger.person[seen] % 9
    is_redeemed = (redeemed <= as_of) & (ledger.person[seen] % 4 > 0)
    status = chosen(("issued", "redeemed"), is_redeemed.astype(np.int64))
    return Rows.of_snapshot(
        {
            "voucher_id": voucher_ids(ledger.voucher[seen]),
            "loyalty_id": digits(ledger.card[seen]),
            "face_points": whole(np.full(len(seen), POINTS_A_VOUCHER)),
            "issued_on": dates(world.days.since_1970(ledger.day[seen])),
            "status": status,
            "redeemed_on": dates(world.days.since_1970(redeemed), is_redeemed),
            "redeem_channel": only(chosen(("store", "web"), ledger.person[seen] % 2), is_redeemed),
            "valid_until": dates(world.days.since_1970(ledger.day[seen]) + 90),
            "program": constant("Maple Points", len(seen)),
        },
        as_of,
    )
