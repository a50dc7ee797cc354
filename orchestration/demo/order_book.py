"""All orders of the web shop, the app, marketplaces and the telephone, to their end.

Channel, guests, fulfillment, cancellation, refunds and payments; positions instead of texts.
What the shop system writes of it belongs to `channels.shop`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.baskets import Taken, summed_by, take_back
from orchestration.demo.behaviour import BUY
from orchestration.demo.calendar_days import DAY_SECONDS, SHOP_ZONE, to_utc
from orchestration.demo.random_numbers import Bools, Ints, Stream
from orchestration.demo.session_book import APP, SessionBook
from orchestration.demo.world import World

SALES_CHANNELS = ("web", "app", "marketplace", "phone", "catalog", "tv_shopping")
BY_WEB, BY_APP, BY_MARKETPLACE = range(3)
METHODS = ("delivery", "bopis", "ship_from_store")
DELIVERY, BOPIS, SHIP_FROM_STORE = range(3)
FULFILLMENT_EVENTS = ("allocated", "ready", "shipped", "picked_up", "delivered", "failed")
ALLOCATED, READY, SHIPPED, PICKED_UP, DELIVERED, FAILED = range(6)
_FROM_STORE_PPM = 140_000
_CANCELLED_PPM = 25_000
_REFUND_PPM = 80_000
_IN_STORE_PPM = 350_000
_FREE_SHIPPING = 3_500
_SHIPPING = 499
_HOUR = 3600
_HOURS_LATE = (9 * _HOUR, 18 * _HOUR)
"""When a late parcel arrives on its day, on the clocks of the shop."""


@dataclass(frozen=True)
class Refunds:
    """One entry a refund: of a return, or of a cancelled order."""

    order: Ints
    day: Ints
    moment: Ints
    store: Ints
    """Store that took the goods back, or -1."""
    shipping: Ints
    is_cancellation: Bools


@dataclass(frozen=True)
class RefundLines:
    """One entry a refunded line, ordered by refund; positive amounts."""

    refund: Ints
    line: Ints
    quantity: Ints
    net: Ints
    tax: Ints


@dataclass(frozen=True)
class FulfillmentSteps:
    """One entry a step of an order on its way, ordered by order and time."""

    order: Ints
    kind: Ints
    day: Ints
    moment: Ints


@dataclass(frozen=True)
class OrderBook:
    """Everything that the shop system knows of the orders of `world.web_sales`."""

    channel: Ints
    method: Ints
    is_guest: Bools
    session: Ints
    """Position in the session book of the session that ordered, or -1."""
    shipping: Ints
    net: Ints
    tax: Ints
    token: Ints
    """Payment card, or -1 where a wallet or a marketplace paid."""
    is_cancelled: Bools
    cancelled_at: Ints
    refunds: Refunds
    refund_lines: RefundLines
    steps: FulfillmentSteps

    @property
    def total(self) -> Ints:
        return self.net + self.tax + self.shipping

    def refund_totals(self) -> Ints:
        """What each refund pays back."""
        lines = self.refund_lines
        of_lines = summed_by(lines.refund, lines.net + lines.tax, len(self.refunds.order))
        return of_lines + self.refunds.shipping


def draw_sales_channels(world: World) -> Ints:
    """How each order comes in; web stands for our own shop, in the browser or the app.

    Who followed a link orders in our own shop.
    """
    stream = world.streams.named("order_book/channels")
    drawn = stream.pick((900, 0, 45, 30, 15, 10), len(world.web_sales))
    sessions = world.behaviour.sessions
    drawn[sessions.order[(sessions.order >= 0) & (sessions.reason != BUY)]] = BY_WEB
    return drawn


def keep_order_book(world: World, sessions: SessionBook, drawn: Ints) -> OrderBook:
    """Lead every order to its end; `drawn` comes from `draw_sales_channels`."""
    stream = world.streams.named("order_book")
    sales = world.web_sales
    count = len(sales)
    session = np.full(count, -1, dtype=np.int64)
    ordering = np.flatnonzero(sessions.order >= 0)
    session[sessions.order[ordering]] = ordering
    in_app = session >= 0
    in_app[in_app] = sessions.platform[session[in_app]] == APP
    channel = np.where((drawn == BY_WEB) & in_app, BY_APP, drawn)
    from_store = stream.chance(_FROM_STORE_PPM, count)
    method = np.where(from_store, SHIP_FROM_STORE, DELIVERY)
    method = np.where(sales.purchases.is_collected, BOPIS, method)
    method = np.where(channel == BY_MARKETPLACE, DELIVERY, method)
    net = sales.total(sales.lines.net)
    is_free = (net >= _FREE_SHIPPING) | (method == BOPIS)
    # Who waits for a late parcel did not cancel the order.
    is_cancelled = stream.chance(_CANCELLED_PPM, count) & ~sales.purchases.is_late
    cancelled_at = sales.moment + 600 + stream.below(4 * _HOUR, count)
    is_cancelled &= world.days.shop_day_of(cancelled_at) <= world.last_day
    shipping = np.where(is_free, 0, _SHIPPING)
    taken = take_back(
        sales.lines,
        sales.day + 3,
        ppm=_REFUND_PPM,
        gift_card=world.catalogue.gift_card,
        may_return=~is_cancelled,
        stream=stream,
        last_day=world.last_day,
    )
    refunds, refund_lines = _refund(world, taken, is_cancelled, cancelled_at, shipping, stream)
    has_card = stream.chance(780_000, count) & (channel != BY_MARKETPLACE)
    token = world.identifiers.payment_token(sales.person, stream)
    return OrderBook(
        channel=channel,
        method=method,
        is_guest=~world.people.has_account[sales.person] | stream.chance(120_000, count),
        session=session,
        shipping=shipping,
        net=net,
        tax=sales.total(sales.lines.tax),
        token=np.where(has_card, token, -1),
        is_cancelled=is_cancelled,
        cancelled_at=cancelled_at,
        refunds=refunds,
        refund_lines=refund_lines,
        steps=_fulfil(world, method, is_cancelled, stream),
    )


def _refund(
    world: World,
    taken: Taken,
    is_cancelled: Bools,
    cancelled_at: Ints,
    shipping: Ints,
    stream: Stream,
) -> tuple[Refunds, RefundLines]:
    sales, lines = world.web_sales, world.web_sales.lines
    groups = len(taken.group_sale)
    in_store = stream.chance(_IN_STORE_PPM, groups)
    noon = world.days.since_1970(taken.group_day) * DAY_SECONDS + 17 * _HOUR
    cancelled = np.flatnonzero(is_cancelled)
    order = np.concatenate([taken.group_sale, cancelled])
    moment = np.concatenate([noon + stream.below(4 * _HOUR, groups), cancelled_at[cancelled]])
    is_cancellation = np.arange(len(order)) >= groups
    refunds = Refunds(
        order=order,
        day=world.days.shop_day_of(moment),
        moment=moment,
        store=np.concatenate(
            [
                np.where(in_store, sales.city[taken.group_sale], -1),
                np.full(len(cancelled), -1, dtype=np.int64),
            ]
        ),
        shipping=np.where(is_cancellation, shipping[order], 0),
        is_cancellation=is_cancellation,
    )
    whole = np.flatnonzero(is_cancelled[lines.sale])
    refund_of_order = np.full(len(sales), -1, dtype=np.int64)
    refund_of_order[cancelled] = groups + np.arange(len(cancelled))
    refund = np.concatenate([taken.group, refund_of_order[lines.sale[whole]]])
    by_refund = np.argsort(refund, kind="stable")

    def both(of_taken: Ints, of_whole: Ints) -> Ints:
        return np.asarray(np.concatenate([of_taken, of_whole])[by_refund])

    return refunds, RefundLines(
        refund=refund[by_refund],
        line=both(taken.line, whole),
        quantity=both(taken.quantity, lines.quantity[whole]),
        net=both(taken.share(lines.net, lines), lines.net[whole]),
        tax=both(taken.share(lines.tax, lines), lines.tax[whole]),
    )


def _fulfil(world: World, method: Ints, is_cancelled: Bools, stream: Stream) -> FulfillmentSteps:
    """Steps of orders that were not cancelled, as far as the window reaches."""
    sales = world.web_sales
    orders = np.flatnonzero(~is_cancelled)
    arrives_late = sales.purchases.arrives_late[orders]
    by_pickup = method[orders] == BOPIS
    placed = sales.moment[orders]
    steps: list[tuple[Ints, Ints, int]] = []
    at = placed + _HOUR + stream.below(2 * _HOUR, len(orders))
    steps.append((orders, at, ALLOCATED))
    ready = at[by_pickup] + _HOUR + stream.below(3 * _HOUR, int(by_pickup.sum()))
    steps.append((orders[by_pickup], ready, READY))
    steps.append(
        (orders[by_pickup], ready + 2 * _HOUR + stream.below(DAY_SECONDS, len(ready)), PICKED_UP)
    )
    sent, late_day = orders[~by_pickup], arrives_late[~by_pickup]
    shipped = at[~by_pickup] + 8 * _HOUR + stream.below(DAY_SECONDS, len(sent))
    steps.append((sent, shipped, SHIPPED))
    fails = (late_day >= 0) & stream.chance(300_000, len(sent))
    steps.append((sent[fails], shipped[fails] + 2 * DAY_SECONDS, FAILED))
    arrived = shipped + DAY_SECONDS + stream.below(2 * DAY_SECONDS, len(sent))
    late = world.days.since_1970(late_day) * DAY_SECONDS + stream.between(*_HOURS_LATE, len(sent))
    arrived = np.where(late_day >= 0, to_utc(SHOP_ZONE, late), arrived)
    steps.append((sent, arrived, DELIVERED))
    order = np.concatenate([step[0] for step in steps])
    moment = np.concatenate([step[1] for step in steps])
    kind = np.concatenate([np.full(len(step[0]), step[2]) for step in steps])
    day = world.days.shop_day_of(moment)
    seen = day <= world.last_day
    order, moment, kind, day = order[seen], moment[seen], kind[seen], day[seen]
    by_time = np.lexsort((kind, moment, order))
    return FulfillmentSteps(order[by_time], kind[by_time], day[by_time], moment[by_time])
