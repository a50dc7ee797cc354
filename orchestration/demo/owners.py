"""Whose every delivered identifier is: the truth that identity is measured by.

A value may have several owners: families share addresses and cards, telephone companies
recycle numbers, a cookie on a tablet belongs to whoever sits there. Values are in the form
that `identity` should find: addresses in small letters, telephone numbers as E.164. Values
that no delivery names are left out: which those are, `sightings` knows.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from orchestration.demo import names
from orchestration.demo.books import Books
from orchestration.demo.campaigns import BY_MAIL
from orchestration.demo.channels.consent import consent_changes
from orchestration.demo.channels.direct_mail import piece_ids
from orchestration.demo.columns import digits, joined, only, texts
from orchestration.demo.consent import ADS, ANALYTICS
from orchestration.demo.contacts import NEVER, masked_emails
from orchestration.demo.identifiers import Owned, card_owners
from orchestration.demo.incidents import VOLUME_SPIKE
from orchestration.demo.order_book import BY_MARKETPLACE
from orchestration.demo.people import CARDLESS
from orchestration.demo.positions import column_at
from orchestration.demo.random_numbers import Ints
from orchestration.demo.robots import robot_ids, robot_tokens
from orchestration.demo.session_book import GOOGLE_ADS, META_ADS, WEB
from orchestration.demo.sightings import Sightings
from orchestration.demo.world import World


def owners(books: Books, seen: Sightings) -> Iterator[Owned]:
    """Every delivered identifier of every type."""
    for owned in _everything(books):
        kept = seen.has(owned.identifier_type, owned.value)
        yield replace(
            owned,
            value=only(owned.value, kept).drop_null(),
            person=owned.person[kept],
            from_day=owned.from_day[kept],
            to_day=owned.to_day[kept],
        )
    yield from _robots(books.world)


def _everything(books: Books) -> Iterator[Owned]:
    world = books.world
    yield from card_owners(world.identifiers, world.people, world.last_day)
    yield from _email_owners(world)
    yield from _phone_owners(world)
    yield from _cookie_owners(books)
    yield from _device_owners(world)
    yield from _order_owners(books)
    yield from _click_owners(books)
    yield _piece_owners(world)
    yield from _nobodys(world)


def _always(world: World, kind: str, value: pa.Array, person: Ints, ownership: str) -> Owned:
    return Owned.always(kind, value, person, ownership, world.last_day)


def _email_owners(world: World) -> Iterator[Owned]:
    emails, everyone = world.emails, world.people.ids()
    yield _always(world, "email", emails.primary, everyone, "sole")
    for column, has, ownership in (
        (emails.second, emails.has_second, "second"),
        (emails.mistyped, emails.mistypes, "mistyped"),
    ):
        person = np.flatnonzero(has)
        yield _always(world, "email", column_at(column, person), person, ownership)
    person = np.flatnonzero(emails.has_family[world.people.household])
    family = column_at(emails.family, world.people.household[person])
    yield _always(world, "email", family, person, "shared")


def _phone_owners(world: World) -> Iterator[Owned]:
    phones, everyone = world.phones, world.people.ids()
    switch = phones.switch_day
    until = np.where(switch < NEVER, switch - 1, world.last_day)
    first = np.zeros_like(everyone)
    yield Owned("phone", phones.international(phones.line), everyone, first, until, "sole")
    person = np.flatnonzero(switch < NEVER)
    later = phones.later_line[person]
    is_recycled = np.isin(later, phones.line)
    for recycled, ownership in ((True, "recycled"), (False, "second")):
        of = person[is_recycled == recycled]
        value = phones.international(phones.later_line[of])
        yield Owned("phone", value, of, switch[of], np.full_like(of, world.last_day), ownership)


def _cookie_owners(books: Books) -> Iterator[Owned]:
    """People who were measured behind a cookie, from their first to their last day."""
    world, sessions, devices = books.world, books.sessions, books.world.devices
    on_web = (sessions.platform == WEB) & sessions.is_measured
    channel, person, day, _ = consent_changes(world)
    asked = ((channel == ADS) | (channel == ANALYTICS)) & (world.people.kind[person] != CARDLESS)
    asked_cookie = devices.cookie(devices.first_of(person[asked]), day[asked])
    cookie = np.concatenate([sessions.cookie[on_web], asked_cookie])
    who = np.concatenate([sessions.person[on_web], person[asked]])
    when = np.concatenate([sessions.day[on_web], day[asked]])
    order = np.lexsort((when, who, cookie))
    cookie, who, when = cookie[order], who[order], when[order]
    is_new = (np.diff(cookie, prepend=-1) != 0) | (np.diff(who, prepend=-1) != 0)
    is_last = np.roll(is_new, -1)  # before the next begins; the last one before the first
    first, last = when[is_new], when[is_last]
    cookie, who = cookie[is_new], who[is_new]
    device = devices.device_of_cookie(cookie)
    is_kiosk = device >= devices.kiosk_start
    is_shared = devices.is_shared[device] & ~is_kiosk
    for chosen, ownership in (
        (~is_kiosk & ~is_shared, "sole"),
        (is_shared, "shared"),
        (is_kiosk, "kiosk"),
    ):
        value = devices.cookie_text(cookie[chosen])
        yield Owned("cookie", value, who[chosen], first[chosen], last[chosen], ownership)


def _device_owners(world: World) -> Iterator[Owned]:
    person = np.flatnonzero(world.people.kind != CARDLESS)
    device = world.devices.first_of(person)
    yield _always(world, "app_device", world.devices.app_id_text(device), person, "sole")
    yield _always(world, "push_token", world.devices.push_token_text(device), person, "sole")
    everyone = world.people.ids()
    household = world.people.household
    value = world.identifiers.mail_household_text(household)
    yield _always(world, "mail_household", value, everyone, "shared")


def _order_owners(books: Books) -> Iterator[Owned]:
    world, orders = books.world, books.orders
    person, day = world.web_sales.person, world.web_sales.day
    guests = np.flatnonzero(orders.is_guest)
    number = digits(world.identifiers.guest_customer(guests))
    yield Owned("shop_customer", number, person[guests], day[guests], day[guests], "guest")
    masked = np.flatnonzero(orders.channel == BY_MARKETPLACE)
    value = masked_emails(masked)
    yield Owned("email", value, person[masked], day[masked], day[masked], "masked")
    gifts = books.store.gift_cards
    every = np.arange(len(gifts.buyer), dtype=np.int64)
    value = world.identifiers.gift_card_hash_text(every)
    yield _always(world, "gift_card", value, gifts.buyer, "sole")
    used = np.flatnonzero(gifts.redeemer >= 0)
    yield _always(world, "gift_card", column_at(value, used), gifts.redeemer[used], "shared")


def _click_owners(books: Books) -> Iterator[Owned]:
    world, sessions = books.world, books.sessions
    for origin, platform in ((GOOGLE_ADS, "google"), (META_ADS, "meta")):
        clicked = np.flatnonzero((sessions.origin == origin) & (sessions.touch >= 0))
        value = world.identifiers.click_text(sessions.touch[clicked], platform)
        day = sessions.day[clicked]
        yield Owned("click", value, sessions.person[clicked], day, day, "sole")


def _piece_owners(world: World) -> Owned:
    touches = world.behaviour.touches
    piece = np.flatnonzero(touches.channel == BY_MAIL)
    day = touches.day[piece]
    until = np.full_like(day, world.last_day)
    return Owned("mail_piece", piece_ids(piece), touches.person[piece], day, until, "sole")


def _nobodys(world: World) -> Iterator[Owned]:
    for kind, values in (("email", names.JUNK_EMAILS), ("phone", names.JUNK_PHONES)):
        yield _always(world, kind, texts(values), np.full(len(values), -1), "junk")
    shop = joined("+1", texts([names.SHOP_PHONE]))
    yield _always(world, "phone", shop, np.full(1, -1), "junk")


def _robots(world: World) -> Iterator[Owned]:
    """They join the rows of the app while these are written, so nobody sights them."""
    if world.incidents.of_kind(VOLUME_SPIKE):
        for kind, robots in (
            ("app_device", robot_ids(world.streams.seed)),
            ("push_token", robot_tokens(world.streams.seed)),
        ):
            yield _always(world, kind, robots, np.full(len(robots), -1), "robot")
