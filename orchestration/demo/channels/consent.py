"""The consent system: every answer and withdrawal as an event, some delivered late.

The file of a day is delivered again two mornings later, with answers that came in late but
happened on the day. What was never asked is never delivered.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.campaigns import sending_moments
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    dates,
    digits,
    either,
    joined,
    only,
    seconds,
)
from orchestration.demo.consent import (
    ADS,
    ANALYTICS,
    CONSENT_CHANNELS,
    EMAIL,
    MAIL,
    PURPOSES,
    PUSH,
    SMS,
)
from orchestration.demo.feeds import Feed
from orchestration.demo.formats import NewlineJson
from orchestration.demo.people import CARDLESS
from orchestration.demo.random_numbers import Ints
from orchestration.demo.world import World

SOURCE = "synthetic_consent"
FEED = Feed(
    SOURCE,
    "events",
    key=("event_id",),
    dated_by="occurred_at",
    dialect=NewlineJson(),
    restated_after=(2,),
)
FEEDS = (FEED,)
STATUSES = ("granted", "denied", "pending_double_opt_in", "withdrawn")
GRANTED, DENIED, PENDING, WITHDRAWN = range(4)
_COOKIE_CONSENT_DAYS = 395
_LATE_PPM = 25_000
_SOURCES = ("web_form", "store_tablet", "app_settings", "call_centre")


def consent_changes(world: World) -> tuple[Ints, Ints, Ints, Ints]:
    """Every change as channel, person, day and status, ordered by day."""
    consents = world.consents
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for number in range(len(CONSENT_CHANNELS)):
        asked = np.flatnonzero(consents.answered[number] <= world.last_day)
        status = np.where(consents.is_granted[number, asked], GRANTED, DENIED)
        status = np.where(consents.is_unconfirmed[number, asked], PENDING, status)
        parts.append((np.full(len(asked), number), asked, consents.answered[number, asked], status))
        left = np.flatnonzero(
            (consents.withdrawn[number] <= world.last_day) & consents.is_granted[number]
        )
        day = consents.withdrawn[number, left]
        parts.append((np.full(len(left), number), left, day, np.full(len(left), WITHDRAWN)))
    channel, person, day, status = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.lexsort((status, channel, person, day))
    return channel[order], person[order], day[order], status[order]


def deliver(world: World) -> Iterator[tuple[Feed, Rows]]:
    """All changes, each for the identifier that the system knew."""
    channel, person, day, status = consent_changes(world)
    stream = world.streams.named("consent/events")
    count = len(person)
    lateness = np.where(stream.chance(_LATE_PPM, count), 2, 0)
    moment = sending_moments(world.days, np.zeros_like(day), day) + stream.below(9 * 3600, count)
    captured = chosen(_SOURCES, stream.pick((60, 15, 20, 5), count))
    by_message = (status == WITHDRAWN) & np.isin(channel, (EMAIL, SMS))
    columns: dict[str, Column] = {
        "event_id": joined("cns-", digits(np.arange(count, dtype=np.int64) + 1, 9)),
        "subject_type": _subject_type(channel),
        "subject": _subject(world, channel, person, day),
        "channel": chosen(CONSENT_CHANNELS, channel),
        "purpose": chosen(PURPOSES, channel),
        "status": chosen(STATUSES, status),
        "lawful_basis": either(channel == MAIL, "legitimate_interest", constant("consent", count)),
        "policy_version": either(day * 2 < world.days.count, "2016-05", constant("2017-06", count)),
        "captured_via": either(by_message, "unsubscribe_link", captured),
        "offer": only(
            constant("5 % off the first order", count), (status == GRANTED) & (person % 4 == 0)
        ),
        "valid_until": dates(
            world.days.since_1970(day) + _COOKIE_CONSENT_DAYS,
            (status == GRANTED) & np.isin(channel, (ADS, ANALYTICS)),
        ),
        "region": chosen([c.country for c in world.places.cities], world.people.store[person]),
        "occurred_at": seconds(moment),
        "recorded_at": seconds(moment + np.where(lateness > 0, 40 * 3600, 15)),
    }
    yield FEED, Rows(columns, day, lateness=lateness).ordered_by(moment)


_SUBJECT_TYPES = {EMAIL: "email", SMS: "phone", PUSH: "app_device", ADS: "cookie", ANALYTICS: "cookie",
                  MAIL: "mail_household"}  # fmt: skip


def _subject_type(channel: Ints) -> Column:
    return chosen([_SUBJECT_TYPES.get(c, "phone") for c in range(len(CONSENT_CHANNELS))], channel)


def _subject(world: World, channel: Ints, person: Ints, day: Ints) -> Column:
    devices = world.devices
    phone = world.phones.international(world.phones.line_on(person, day))
    is_online = world.people.kind[person] != CARDLESS
    device = devices.first_of(person)
    cookie = only(devices.cookie_text(devices.cookie(device, day)), is_online)
    subject = either(channel == EMAIL, world.emails.of(person), phone)
    subject = either(channel == PUSH, devices.app_id_text(device), subject)
    subject = either((channel == ADS) | (channel == ANALYTICS), cookie, subject)
    household = world.identifiers.mail_household_text(world.people.household[person])
    return either(channel == MAIL, household, subject)
