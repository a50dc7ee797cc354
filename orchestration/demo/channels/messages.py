"""E-mail, SMS and push, in the shape of Klaviyo: one stream of events told apart by metric.

Sends, opens (machine opens among them), clicks, bounces, complaints, unsubscribes and stops;
profiles and campaigns as snapshots. People held out of a campaign have no event of it.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.addresses import address_parts, family_names, given_names
from orchestration.demo.campaigns import BY_EMAIL, BY_PUSH, BY_SMS, sending_moments
from orchestration.demo.channels.web import blocks_of_days
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    digits,
    either,
    hexadecimal,
    iso_times,
    joined,
    only,
    seconds,
    texts,
    whole,
)
from orchestration.demo.consent import CONSENT_CHANNELS, EMAIL, PUSH, SMS
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, JsonArray, NewlineJson
from orchestration.demo.people import CARDLESS
from orchestration.demo.random_numbers import Bools, Ints, key_of, mixed
from orchestration.demo.snapshots import moment_of, snapshot_days
from orchestration.demo.world import World

SOURCE = "synthetic_messages"
FEEDS = (
    Feed(SOURCE, "events", key=("id",), dated_by="timestamp", dialect=NewlineJson(is_gzipped=True)),
    Feed(SOURCE, "profiles", key=("id",), dialect=Csv(), rhythm="snapshot"),
    Feed(SOURCE, "campaigns", key=("id",), dialect=JsonArray(), rhythm="snapshot"),
)
METRICS = (
    "Received Email", "Opened Email", "Clicked Email", "Bounced Email", "Marked Email as Spam",
    "Unsubscribed", "Received SMS", "Clicked SMS", "Unsubscribed from SMS", "Received Push",
    "Opened Push",
)  # fmt: skip
(RECEIVED, OPENED, CLICKED, BOUNCED, SPAM, UNSUBSCRIBED, SMS_RECEIVED, SMS_CLICKED, SMS_STOPPED,
 PUSH_RECEIVED, PUSH_OPENED) = range(len(METRICS))  # fmt: skip
_CHANNELS = (BY_EMAIL, BY_SMS, BY_PUSH)
_MACHINE_OPEN_PPM = 140_000
_SPAM_PPM = 150_000
"""Of those who stop, this many complain instead of unsubscribing."""
_EVENTS_A_BLOCK = 300_000


def deliver(world: World) -> Iterator[tuple[Feed, Rows]]:
    """Events, and profiles and campaigns as they are at each snapshot."""
    touch, metric, moment, is_machine = _happenings(world)
    day = world.behaviour.touches.day[touch]
    for start, stop in blocks_of_days(day, _EVENTS_A_BLOCK):
        block = slice(start, stop)
        rows = _events(world, touch[block], metric[block], moment[block], is_machine[block], start)
        yield find_feed(FEEDS, SOURCE, "events"), rows
    for as_of in snapshot_days(world):
        yield find_feed(FEEDS, SOURCE, "profiles"), _profiles(world, as_of)
        yield find_feed(FEEDS, SOURCE, "campaigns"), _campaigns(world, as_of)


def _happenings(world: World) -> tuple[Ints, Ints, Ints, Bools]:
    """Every event as touch, metric and moment, ordered by day and time."""
    touches = world.behaviour.touches
    stream = world.streams.named("messages/events")
    count = len(touches.person)
    everyone = np.arange(count, dtype=np.int64)
    sent_at = sending_moments(world.days, touches.channel, touches.day)
    reached = ~touches.is_holdout
    bounces = world.emails.is_dead[touches.person] & (touches.channel == BY_EMAIL)
    by_email = reached & (touches.channel == BY_EMAIL)
    by_sms = reached & (touches.channel == BY_SMS)
    by_push = reached & (touches.channel == BY_PUSH)
    machine = by_email & ~bounces & stream.chance(_MACHINE_OPEN_PPM, count)
    complains = stream.chance(_SPAM_PPM, count)
    wait = touches.wait
    parts: tuple[tuple[Bools, int, Ints | int, bool], ...] = (
        (by_email & ~bounces, RECEIVED, 20, False),
        (by_email & bounces, BOUNCED, 45, False),
        (machine, OPENED, 90, True),
        (by_email & touches.is_opened, OPENED, wait, False),
        (by_email & touches.is_clicked, CLICKED, wait + 25, False),
        (by_email & ~bounces & touches.stops & complains, SPAM, wait + 40, False),
        (by_email & ~bounces & touches.stops & ~complains, UNSUBSCRIBED, wait + 60, False),
        (by_sms, SMS_RECEIVED, 5, False),
        (by_sms & touches.is_clicked, SMS_CLICKED, wait, False),
        (by_sms & touches.stops, SMS_STOPPED, wait + 30, False),
        (by_push, PUSH_RECEIVED, 5, False),
        (by_push & touches.is_opened, PUSH_OPENED, wait, False),
    )
    touch = np.concatenate([everyone[happens] for happens, _, _, _ in parts])
    metric = np.concatenate([np.full(int(p[0].sum()), p[1]) for p in parts])
    moment = np.concatenate([(sent_at + after)[happens] for happens, _, after, _ in parts])
    is_machine = np.concatenate([np.full(int(p[0].sum()), p[3]) for p in parts])
    order = np.lexsort((touch, metric, moment, touches.day[touch]))
    return touch[order], metric[order], moment[order], is_machine[order]


def _events(
    world: World, touch: Ints, metric: Ints, moment: Ints, is_machine: Bools, done: int
) -> Rows:
    touches, count = world.behaviour.touches, len(touch)
    person, channel, campaign = (
        touches.person[touch],
        touches.channel[touch],
        touches.campaign[touch],
    )
    line = world.phones.line_on(person, touches.day[touch])
    is_email, is_sms = channel == BY_EMAIL, channel == BY_SMS
    number = done + np.arange(count, dtype=np.int64)
    link = joined("https://shop.maple-main.example/offers/", chosen(_slugs(world), campaign))
    is_open = metric == OPENED
    first_device = world.devices.first_of(person)
    return Rows(
        {
            "id": hexadecimal(mixed(number, key_of(world.streams.seed, "messages"))),
            "metric_name": chosen(METRICS, metric),
            "metric_id": joined("M", digits(metric, 3)),
            "timestamp": seconds(moment),
            "person_id": world.identifiers.profile_text(person),
            "campaign_id": joined("C", digits(campaign, 5)),
            "message_id": joined(
                "msg_", hexadecimal(mixed(touch, key_of(world.streams.seed, "msg")))
            ),
            "email": only(world.emails.of(person), is_email),
            "to_number": only(world.phones.international(line), is_sms),
            "push_token": only(world.devices.push_token_text(first_device), channel == BY_PUSH),
            "subject": only(chosen(_subjects(world), campaign), is_email),
            "url": only(link, np.isin(metric, (CLICKED, SMS_CLICKED))),
            "client_type": only(either(is_machine, "machine", constant("human", count)), is_open),
            "bounce_type": only(constant("hard", count), metric == BOUNCED),
        },
        touches.day[touch],
    )


def _slugs(world: World) -> list[str]:
    return [campaign.department_slug for campaign in world.campaigns] or [""]


def _subjects(world: World) -> list[str]:
    return [
        f"{campaign.offer // 10} % off {campaign.department_slug}"
        if campaign.offer
        else f"New in {campaign.department_slug}"
        for campaign in world.campaigns
    ] or [""]


def _profiles(world: World, as_of: int) -> Rows:
    """Profiles of everyone who was ever asked for e-mail, SMS or push."""
    people, consents = world.people, world.consents
    asked = (consents.answered[[EMAIL, SMS, PUSH]] <= as_of).any(axis=0)
    person = np.flatnonzero(asked & (people.kind != CARDLESS))
    day = np.full(len(person), as_of)
    columns: dict[str, Column] = {
        "id": world.identifiers.profile_text(person),
        "email": only(world.emails.of(person), consents.answered[EMAIL, person] <= as_of),
        "phone_number": only(
            world.phones.international(world.phones.line_on(person, day)),
            consents.answered[SMS, person] <= as_of,
        ),
        "first_name": only(given_names(people, person), person % 5 != 0),
        "last_name": only(family_names(people, person), person % 5 != 0),
        "external_id": only(digits(world.identifiers.customer(person)), people.has_account[person]),
        "created": iso_times(moment_of(world, people.first_day[person])),
        "updated": iso_times(moment_of(world, day)),
        "timezone": chosen([city.zone for city in world.places.cities], people.store[person]),
    }
    parts = address_parts(people, world.places, person)
    columns |= {
        "city": parts["city"],
        "region": parts["province_code"],
        "country": parts["country_code"],
    }
    for channel in (EMAIL, SMS):
        name = f"{CONSENT_CHANNELS[channel]}_consent"
        granted = consents.holds_for(channel, person, day)
        left = consents.withdrawn[channel, person] <= as_of
        state = np.where(granted, 0, np.where(left, 1, 2))
        columns[name] = chosen(("SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"), state)
    return Rows.of_snapshot(columns, as_of)


def _campaigns(world: World, as_of: int) -> Rows:
    sent = [c for c in world.campaigns if c.day <= as_of and c.channel in _CHANNELS]
    channel = np.array([c.channel for c in sent], dtype=np.int64)
    day = np.array([c.day for c in sent], dtype=np.int64)
    number = np.array([c.number for c in sent], dtype=np.int64)
    subjects = _subjects(world)
    return Rows.of_snapshot(
        {
            "id": joined("C", digits(number, 5)),
            "name": texts([c.name for c in sent]),
            "channel": texts([c.channel_name for c in sent]),
            "subject": texts([subjects[c.number] for c in sent]),
            "offer_permille": whole(np.array([c.offer for c in sent], dtype=np.int64)),
            "coupon_code": texts([c.coupon_code or None for c in sent]),
            "send_time": iso_times(sending_moments(world.days, channel, day)),
            "status": constant("Sent", len(sent)),
        },
        as_of,
    )
