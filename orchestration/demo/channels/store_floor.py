"""What happens in stores beside the till: talks with staff, people counted, visits seen.

Clienteling notes with an address or a card, door counters by local hour, and visits that the
app or the wireless network noticed. Panel people visit too: their receipts are the panel's.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.baskets import summed_by
from orchestration.demo.calendar_days import DAY_SECONDS, opening_seconds
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    dates,
    digits,
    joined,
    local_times,
    only,
    seconds,
    whole,
)
from orchestration.demo.consent import ANALYTICS
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, NewlineJson
from orchestration.demo.people import PERSONAS, PROSPECT
from orchestration.demo.random_numbers import Ints
from orchestration.demo.store_book import SALE, StoreBook
from orchestration.demo.world import World, local_to_utc

SOURCE = "synthetic_store_floor"
FEEDS = (
    Feed(
        SOURCE,
        "interactions",
        key=("interaction_id",),
        dated_by="business_date",
        dialect=Csv(delimiter="|"),
    ),
    Feed(
        SOURCE,
        "footfall",
        key=("store_id", "business_date", "hour_local"),
        dated_by="business_date",
        dialect=Csv(delimiter=";", times="day_first"),
    ),
    Feed(SOURCE, "visits", key=("visit_id",), dated_by="business_date", dialect=NewlineJson()),
)
_INTERACTION_TYPES = ("consultation", "tasting", "appointment", "event")
_OUTCOMES = ("bought", "quote sent", "thinking", "none")
_METHODS = ("app_geofence", "wifi", "beacon")
_INTERACTION_PPM = 1_500
_FIRST_HOUR, _LAST_HOUR = 7, 22


def deliver(world: World, book: StoreBook) -> Iterator[tuple[Feed, Rows]]:
    """Rows of the store floor."""
    yield find_feed(FEEDS, SOURCE, "interactions"), _interactions(world)
    yield find_feed(FEEDS, SOURCE, "footfall"), _footfall(world, book)
    yield find_feed(FEEDS, SOURCE, "visits"), _visits(world)


def _drawn_days(world: World, name: str, rate: Ints) -> tuple[Ints, Ints]:
    """People and days on which something happens, by rates a day; ordered by day."""
    people, stream = world.people, world.streams.named(name)
    who, when = [], []
    for day, season in enumerate(world.days.season()):
        alive = (people.first_day <= day) & (day <= people.last_day)
        happens = np.flatnonzero(alive & stream.chance(rate * int(season) // 1000, len(people)))
        who.append(happens)
        when.append(np.full(len(happens), day))
    return np.concatenate(who), np.concatenate(when)


def _at_store(world: World, person: Ints, day: Ints, name: str) -> tuple[Ints, Ints, Ints]:
    """Store, wall clock seconds and moment of each visit."""
    stream = world.streams.named(name)
    city = world.people.store[person]
    local = world.days.since_1970(day) * DAY_SECONDS + opening_seconds(stream, len(person))
    return city, local, local_to_utc(world.places, city, local)


def _interactions(world: World) -> Rows:
    rate = np.where(world.people.kind == PROSPECT, _INTERACTION_PPM // 3, _INTERACTION_PPM)
    person, day = _drawn_days(world, "floor/interactions", rate)
    city, local, moment = _at_store(world, person, day, "floor/interaction times")
    stream = world.streams.named("floor/interaction notes")
    count = len(person)
    email = world.emails.as_typed(person, stream)
    card = world.identifiers.card_at_till(person, stream)
    product = stream.below(world.catalogue.gift_card, count)
    number = np.arange(count, dtype=np.int64)
    return Rows(
        {
            "interaction_id": joined("SI", digits(number + 1, 8)),
            "store_id": chosen(world.places.store_codes, city),
            "associate_id": joined("A", digits(city * 100 + stream.below(14, count), 4)),
            "interaction_type": chosen(_INTERACTION_TYPES, stream.pick((60, 20, 12, 8), count)),
            "business_date": dates(world.days.since_1970(day)),
            "started_at_local": local_times(local),
            "started_at": seconds(moment),
            "sku": chosen(world.catalogue.skus(), product),
            "email": only(email, stream.chance(420_000, count)),
            "loyalty_id": only(digits(card), (card >= 0) & stream.chance(500_000, count)),
            "outcome": chosen(_OUTCOMES, stream.pick((35, 20, 30, 15), count)),
        },
        day,
    ).ordered_by(moment, number)


def _footfall(world: World, book: StoreBook) -> Rows:
    """Counters by store and opening hour; most who come in buy nothing on a card of ours."""
    hours = _LAST_HOUR - _FIRST_HOUR + 1
    shape = (world.days.count, len(world.places.cities), hours)
    day, city, hour = (axis.ravel() for axis in np.indices(shape))
    receipts = book.receipts
    sold = receipts.kind == SALE
    sold_hour = np.clip(receipts.local[sold] % DAY_SECONDS // 3600 - _FIRST_HOUR, 0, hours - 1)
    cell = np.ravel_multi_index((receipts.day[sold], receipts.city[sold], sold_hour), shape)
    buyers = summed_by(cell, np.ones(len(cell), dtype=np.int64), len(day))
    stream = world.streams.named("floor/footfall")
    season = world.days.season()[day]
    count = len(day)
    visitors = buyers * 3 + stream.between(2, 40, count) * season // 1000
    out = np.maximum(visitors + stream.between(-2, 3, count) * (season > 0), 0)
    return Rows(
        {
            "store_id": chosen(world.places.store_codes, city),
            "business_date": dates(world.days.since_1970(day)),
            "hour_local": whole(hour + _FIRST_HOUR),
            "time_zone": chosen([place.zone for place in world.places.cities], city),
            "visitors_in": whole(visitors),
            "visitors_out": whole(out),
        },
        day,
    )


def _visits(world: World) -> Rows:
    """Visits of people whose telephone told of it; they agreed to analytics."""
    people = world.people
    usual = np.array([persona.store_rate for persona in PERSONAS])[people.persona]
    rate = np.where(people.has_app, usual // 4, 0)
    person, day = _drawn_days(world, "floor/visits", rate)
    agrees = world.consents.holds_for(ANALYTICS, person, day)
    person, day = person[agrees], day[agrees]
    city, _, moment = _at_store(world, person, day, "floor/visit times")
    stream = world.streams.named("floor/visit methods")
    device = world.devices.first_of(person)
    number = np.arange(len(person), dtype=np.int64)
    columns: dict[str, Column] = {
        "visit_id": joined("VS", digits(number + 1, 9)),
        "store_id": chosen(world.places.store_codes, city),
        "business_date": dates(world.days.since_1970(day)),
        "visited_at": seconds(moment),
        "method": chosen(_METHODS, stream.pick((55, 30, 15), len(person))),
        "device_id": world.devices.app_id_text(device),
        "dwell_minutes": whole(3 + stream.exponential(18, len(person))),
    }
    return Rows(columns, day).ordered_by(moment, number)
