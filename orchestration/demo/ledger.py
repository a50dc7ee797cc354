"""The points ledger of the loyalty programme: what is earned, taken back and burnt.

Points are earned on receipts with a card and on orders of members. The panel's receipts earn
nothing here: its rows are its own. How the loyalty system delivers it belongs to
`channels.loyalty`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.baskets import summed_by
from orchestration.demo.order_book import OrderBook
from orchestration.demo.random_numbers import Ints
from orchestration.demo.snapshots import moment_of
from orchestration.demo.store_book import SALE, StoreBook
from orchestration.demo.world import World

ENTRY_TYPES = ("earn", "reverse", "burn")
EARN, REVERSE, BURN = range(3)
_BURN_FROM = 300
_CENTS_A_POINT = 100
POINTS_A_VOUCHER = 200


@dataclass(frozen=True)
class Ledger:
    """One entry a movement of points, ordered by time."""

    card: Ints
    person: Ints
    kind: Ints
    points: Ints
    day: Ints
    moment: Ints
    receipt: Ints
    """Receipt of the tills, or -1."""
    order: Ints
    """Order of the shop, or -1."""
    voucher: Ints
    """Number of the voucher that points were burnt for, or -1."""


def keep_ledger(world: World, book: StoreBook, orders: OrderBook) -> Ledger:
    """Earn and take back; burn two hundred points a voucher when there are enough."""
    receipts = book.receipts
    net = book.total(book.lines.net)
    with_card = np.flatnonzero((receipts.card >= 0) & (np.abs(net) >= _CENTS_A_POINT))
    person = world.web_sales.person
    members = world.identifiers.card[person] >= 0
    ordered = np.flatnonzero(members & ~orders.is_guest & (orders.net >= _CENTS_A_POINT))
    refunds = orders.refunds
    refund_net = summed_by(orders.refund_lines.refund, orders.refund_lines.net, len(refunds.order))
    earned = np.isin(refunds.order, ordered) & (refund_net >= _CENTS_A_POINT)
    back = np.flatnonzero(earned)
    points = np.concatenate(
        [_points(net[with_card]), _points(orders.net[ordered]), -_points(refund_net[back])]
    )
    none = np.full(len(with_card), -1, dtype=np.int64)
    order = np.concatenate([none, ordered, refunds.order[back]])
    kind = np.concatenate(
        [
            np.where(receipts.kind[with_card] == SALE, EARN, REVERSE),
            np.full(len(ordered), EARN),
            np.full(len(back), REVERSE),
        ]
    )
    who = np.concatenate([receipts.person[with_card], person[ordered], person[refunds.order[back]]])
    ledger = Ledger(
        card=np.concatenate(
            [receipts.card[with_card], world.identifiers.card[who[len(with_card) :]]]
        ),
        person=who,
        kind=kind,
        points=points,
        day=np.concatenate(
            [receipts.day[with_card], world.web_sales.day[ordered], refunds.day[back]]
        ),
        moment=np.concatenate(
            [
                receipts.moment[with_card] + 1,
                world.web_sales.moment[ordered] + 5,
                refunds.moment[back] + 40,
            ]
        ),
        receipt=np.concatenate([with_card, np.full(len(order) - len(with_card), -1)]),
        order=order,
        voucher=np.full(len(order), -1),
    )
    return _ordered(_with_burns(world, ledger))


def _points(net: Ints) -> Ints:
    return np.asarray(np.sign(net) * (np.abs(net) // _CENTS_A_POINT))


def _with_burns(world: World, ledger: Ledger) -> Ledger:
    """A card that holds enough for the first time burns a voucher the next day."""
    order = np.lexsort((ledger.moment, ledger.card))
    card, points = ledger.card[order], ledger.points[order]
    running = np.cumsum(points)
    starts = np.searchsorted(card, card)
    balance = running - running[starts] + points[starts]
    enough = order[balance >= _BURN_FROM]
    _, first = np.unique(ledger.card[enough], return_index=True)
    burning = enough[np.sort(first)]
    burning = burning[(ledger.day[burning] < world.last_day) & (ledger.person[burning] % 3 > 0)]
    count = len(burning)
    later = ledger.day[burning] + 1

    def added(values: Ints, more: Ints | int) -> Ints:
        return np.concatenate([values, np.full(count, more) if isinstance(more, int) else more])

    return Ledger(
        card=added(ledger.card, ledger.card[burning]),
        person=added(ledger.person, ledger.person[burning]),
        kind=added(ledger.kind, BURN),
        points=added(ledger.points, -POINTS_A_VOUCHER),
        day=added(ledger.day, later),
        moment=added(ledger.moment, moment_of(world, later)),
        receipt=added(ledger.receipt, -1),
        order=added(ledger.order, -1),
        voucher=added(ledger.voucher, np.arange(count, dtype=np.int64)),
    )


def _ordered(ledger: Ledger) -> Ledger:
    order = np.lexsort((ledger.card, ledger.moment, ledger.day))
    return Ledger(*(array[order] for array in vars(ledger).values()))
