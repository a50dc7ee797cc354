"""Customer service, in the shape of Zendesk: tickets, comments, satisfaction ratings.

Late parcels, returns and everyday questions become tickets. A ticket is delivered on the day
it is opened and again on the day it is solved, with a later `updated_at`: the newer version
of the same key. Callers and writers are different requesters of the same person.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from orchestration.demo.calendar_days import DAY_SECONDS
from orchestration.demo.channels.shop import order_names
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    digits,
    either,
    joined,
    only,
    seconds,
    whole,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import JsonArray, NewlineJson
from orchestration.demo.order_book import OrderBook
from orchestration.demo.random_numbers import Bools, Ints
from orchestration.demo.world import World

SOURCE = "synthetic_service"
FEEDS = (
    Feed(SOURCE, "tickets", key=("id", "updated_at"), dated_by="updated_at", dialect=NewlineJson()),
    Feed(SOURCE, "ticket_comments", key=("id",), dated_by="created_at", dialect=NewlineJson()),
    Feed(SOURCE, "satisfaction_ratings", key=("id",), dated_by="created_at", dialect=JsonArray()),
)
CATEGORIES = ("late_delivery", "refund", "account", "product_question", "loyalty_points")
LATE, REFUND = 0, 1
VIA = ("email", "phone", "chat", "social")
PHONE = 1
_FIRST_TICKET = 300_000
_LATE_PPM, _REFUND_PPM, _EVERYDAY_PPM = 450_000, 90_000, 350
_SUBJECTS = ("Where is my order?", "When do I get my money back?", "I cannot sign in",
             "A question about a product", "My points are missing")  # fmt: skip


@dataclass(frozen=True)
class Tickets:
    """One entry a ticket, ordered by time."""

    person: Ints
    category: Ints
    order: Ints
    via: Ints
    opened: Ints
    first_reply: Ints
    solved: Ints
    rating: Ints
    """1 bad to 5 good, or 0 for none."""
    reopens: Ints


def keep_tickets(world: World, orders: OrderBook) -> Tickets:
    """Open tickets for trouble with orders, and some for nothing in particular."""
    stream = world.streams.named("service/tickets")
    sales = world.web_sales
    late = np.flatnonzero(sales.purchases.is_late & stream.chance(_LATE_PPM, len(sales)))
    asked = np.flatnonzero(stream.chance(_REFUND_PPM, len(orders.refunds.order)))
    person, order, opened, category = (
        [sales.person[late], sales.person[orders.refunds.order[asked]]],
        [late, orders.refunds.order[asked]],
        [
            sales.moment[late] + 4 * DAY_SECONDS + stream.below(DAY_SECONDS, len(late)),
            orders.refunds.moment[asked] + 2 * DAY_SECONDS,
        ],
        [np.full(len(late), LATE), np.full(len(asked), REFUND)],
    )
    everyday = stream.chance(_EVERYDAY_PPM * world.days.count, len(world.people))
    someone = np.flatnonzero(everyday)
    day = stream.below(world.days.count, len(someone))
    person.append(someone)
    order.append(np.full(len(someone), -1))
    opened.append(
        world.days.since_1970(day) * DAY_SECONDS + 15 * 3600 + stream.below(6 * 3600, len(someone))
    )
    category.append(2 + stream.below(3, len(someone)))
    at = np.concatenate(opened)
    by_time = np.argsort(at, kind="stable")
    by_time = by_time[world.days.shop_day_of(at[by_time]) <= world.last_day]
    count = len(by_time)
    reply = at[by_time] + 600 + stream.exponential(5 * 3600, count)
    is_late = np.concatenate(category)[by_time] == LATE
    rating = 5 - stream.pick((45, 25, 15, 10, 5), count) - is_late
    return Tickets(
        person=np.concatenate(person)[by_time],
        category=np.concatenate(category)[by_time],
        order=np.concatenate(order)[by_time],
        via=stream.pick((46, 28, 20, 6), count),
        opened=at[by_time],
        first_reply=reply,
        solved=reply + 3600 + stream.exponential(DAY_SECONDS, count),
        rating=np.where(stream.chance(350_000, count), np.maximum(rating, 1), 0),
        reopens=stream.pick((88, 9, 3), count),
    )


def deliver(world: World, orders: OrderBook) -> Iterator[tuple[Feed, Rows]]:
    """Tickets as opened and as solved, comments, ratings."""
    tickets = keep_tickets(world, orders)
    ticket = np.arange(len(tickets.person), dtype=np.int64)
    solved_day = world.days.shop_day_of(tickets.solved)
    done = solved_day <= world.last_day
    twice = np.concatenate([ticket, ticket[done]])
    is_solved = np.arange(len(twice)) >= len(ticket)
    yield find_feed(FEEDS, SOURCE, "tickets"), _tickets(world, tickets, twice, is_solved)
    replied = world.days.shop_day_of(tickets.first_reply) <= world.last_day
    yield (
        find_feed(FEEDS, SOURCE, "ticket_comments"),
        _comments(world, tickets, np.concatenate([ticket, ticket[replied]]), len(ticket)),
    )
    rated = ticket[done & (tickets.rating > 0)]
    ratings = {
        "id": whole(_FIRST_TICKET * 10 + rated),
        "ticket_id": whole(_FIRST_TICKET + rated),
        "score": whole(tickets.rating[rated]),
        "created_at": seconds(tickets.solved[rated]),
    }
    rating_day = solved_day[rated]
    yield (
        find_feed(FEEDS, SOURCE, "satisfaction_ratings"),
        Rows(ratings, rating_day).ordered_by(tickets.solved[rated]),
    )


def _tickets(world: World, tickets: Tickets, ticket: Ints, is_solved: Bools) -> Rows:
    person, via = tickets.person[ticket], tickets.via[ticket]
    by_phone = via == PHONE
    updated = np.where(is_solved, tickets.solved[ticket], tickets.opened[ticket])
    opened_day = world.days.shop_day_of(tickets.opened[ticket])
    line = world.phones.line_on(person, np.maximum(opened_day, 0))
    order = tickets.order[ticket]
    mood = np.where(tickets.category[ticket] == LATE, -60, 10) + ticket % 41 - 20
    columns: dict[str, Column] = {
        "id": whole(_FIRST_TICKET + ticket),
        "requester_id": whole(world.identifiers.requester(person, by_phone)),
        "requester_email": only(world.emails.of(person), ~by_phone),
        "requester_phone": only(world.phones.international(line), by_phone),
        "via_channel": chosen(VIA, via),
        "subject": chosen(_SUBJECTS, tickets.category[ticket]),
        "category": chosen(CATEGORIES, tickets.category[ticket]),
        "order_name": only(order_names(order), order >= 0),
        "status": either(is_solved, "solved", constant("open", len(ticket))),
        "priority": either(
            tickets.category[ticket] == LATE, "high", constant("normal", len(ticket))
        ),
        "assignee_id": whole(7_000 + ticket % 23),
        "created_at": seconds(tickets.opened[ticket]),
        "first_reply_at": seconds(tickets.first_reply[ticket], is_solved),
        "solved_at": seconds(tickets.solved[ticket], is_solved),
        "updated_at": seconds(updated),
        "reopens": whole(np.where(is_solved, tickets.reopens[ticket], 0)),
        "sentiment_percent": whole(mood),
    }
    return Rows(columns, world.days.shop_day_of(updated)).ordered_by(updated, ticket)


def _comments(world: World, tickets: Tickets, ticket: Ints, opened: int) -> Rows:
    is_reply = np.arange(len(ticket)) >= opened
    moment = np.where(is_reply, tickets.first_reply[ticket], tickets.opened[ticket])
    columns: dict[str, Column] = {
        "id": joined(
            digits(_FIRST_TICKET + ticket), either(is_reply, "02", constant("01", len(ticket)))
        ),
        "ticket_id": whole(_FIRST_TICKET + ticket),
        "author": either(is_reply, "agent", constant("requester", len(ticket))),
        "channel": chosen(VIA, tickets.via[ticket]),
        "created_at": seconds(moment),
    }
    return Rows(columns, world.days.shop_day_of(moment)).ordered_by(moment, ticket)
