"""Everything that is true of one run, made once and shared by all channels.

Order of making: places and goods, people and what points to them, consent, plans, behaviour,
baskets. What is delivered of it belongs to `channels`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestration.demo.baskets import Lines, Pricing
from orchestration.demo.behaviour import FROM_MESSAGES, Behaviour, Purchases, behave
from orchestration.demo.calendar_days import (
    DAY_SECONDS,
    SHOP_ZONE,
    Days,
    days_of,
    online_seconds,
    opening_seconds,
    to_local,
    to_utc,
)
from orchestration.demo.campaigns import Campaign, plan_campaigns
from orchestration.demo.catalogue import STORE, WEB, Catalogue, make_catalogue
from orchestration.demo.consent import Consents, make_consents
from orchestration.demo.contacts import Emails, Phones, make_emails, make_phones
from orchestration.demo.devices import Devices, make_devices
from orchestration.demo.identifiers import Identifiers, make_identifiers
from orchestration.demo.incidents import STOCK_SPLIT, Incidents, Planting, plan_incidents
from orchestration.demo.panel import PanelCards
from orchestration.demo.people import People, make_people
from orchestration.demo.places import Places, places_with
from orchestration.demo.random_numbers import Bools, Ints, Streams
from orchestration.demo.sizes import Size
from orchestration.demo.trouble import Trouble

_AWAY_FROM_HOME_PPM = 120_000
_SECONDS_TO_ORDER = (240, 900)
"""From the page that a message's link opens to the order."""


@dataclass(frozen=True)
class Sales:
    """Purchases of one channel with their place, time and lines."""

    purchases: Purchases
    city: Ints
    moment: Ints
    local: Ints
    """Wall clock seconds in the zone of the business date."""
    lines: Lines

    def __len__(self) -> int:
        return len(self.city)

    @property
    def person(self) -> Ints:
        return self.purchases.person

    @property
    def day(self) -> Ints:
        return self.purchases.day

    def total(self, amounts: Ints) -> Ints:
        """Sums of line amounts by purchase."""
        return self.lines.summed(amounts, len(self))

    @cached_property
    def uses_coupon(self) -> Bools:
        """In which purchases a coupon took something off."""
        return np.asarray(self.total(self.lines.coupon_off) > 0)


@dataclass(frozen=True)
class World:
    """One run."""

    size: Size
    days: Days
    streams: Streams
    incidents: Incidents
    places: Places
    catalogue: Catalogue
    people: People
    emails: Emails
    phones: Phones
    devices: Devices
    identifiers: Identifiers
    consents: Consents
    campaigns: tuple[Campaign, ...]
    behaviour: Behaviour
    pricing: Pricing
    store_sales: Sales
    web_sales: Sales

    @property
    def last_day(self) -> int:
        return self.days.count - 1

    @property
    def currencies(self) -> Ints:
        """0 for USD and 1 for CAD, by city."""
        return self.places.is_canadian()

    @cached_property
    def out_of_stock_online(self) -> Ints:
        return out_of_stock_online(self.days, self.incidents)


def out_of_stock_online(days: Days, incidents: Incidents) -> Ints:
    """Product that the web shop cannot deliver, by day; -1 on usual days."""
    missing = np.full(days.count, -1, dtype=np.int64)
    for incident in incidents.of_kind(STOCK_SPLIT):
        missing[incident.day : incident.until_day + 1] = incident.product
    return missing


def make_world(
    size: Size, seed: int, panel: PanelCards, planting: Planting, trouble: Trouble
) -> World:
    """Make one run; the same arguments make the same world."""
    streams, days = Streams(seed), days_of(size)
    places = places_with(size.stores)
    incidents = plan_incidents(size, streams, planting)
    catalogue = make_catalogue(size.products, days, streams)
    people = make_people(size, days, places, panel, streams)
    emails = make_emails(people, trouble, streams)
    consents = make_consents(people, days, streams)
    campaigns = plan_campaigns(days, incidents, streams)
    behaviour = behave(
        people=people,
        consents=consents,
        emails=emails,
        campaigns=campaigns,
        days=days,
        incidents=incidents,
        streams=streams,
    )
    pricing = Pricing(people, catalogue, places, behaviour.touches, campaigns)
    maker = _SalesMaker(days, places, people, pricing, incidents, streams)
    return World(
        size=size,
        days=days,
        streams=streams,
        incidents=incidents,
        places=places,
        catalogue=catalogue,
        people=people,
        emails=emails,
        phones=make_phones(people, days, trouble, streams),
        devices=make_devices(people, size.stores, days, trouble, streams),
        identifiers=make_identifiers(people, streams),
        consents=consents,
        campaigns=campaigns,
        behaviour=behaviour,
        pricing=pricing,
        store_sales=maker.in_stores(behaviour.receipts),
        web_sales=maker.online(behaviour),
    )


@dataclass(frozen=True)
class _SalesMaker:
    days: Days
    places: Places
    people: People
    pricing: Pricing
    incidents: Incidents
    streams: Streams

    def in_stores(self, purchases: Purchases) -> Sales:
        """Receipts at the home store, or at another one of the country."""
        stream = self.streams.named("sales/store")
        count = len(purchases.person)
        home = self.people.store[purchases.person]
        other = self._another_city(home, stream.below(1 << 20, count))
        city = np.where(stream.chance(_AWAY_FROM_HOME_PPM, count), other, home)
        local = self.days.since_1970(purchases.day) * DAY_SECONDS + opening_seconds(stream, count)
        moment = local_to_utc(self.places, city, local)
        missing = np.full(count, -1, dtype=np.int64)
        lines = self.pricing.lines(
            purchases, channel=STORE, city=city, missing=missing, streams=self.streams
        )
        return Sales(purchases, city, moment, local, lines)

    def online(self, behaviour: Behaviour) -> Sales:
        """Orders; their business date is that of the shop."""
        purchases, sessions = behaviour.orders, behaviour.sessions
        stream = self.streams.named("sales/web")
        count = len(purchases.person)
        city = self.people.store[purchases.person]
        local = self.days.since_1970(purchases.day) * DAY_SECONDS + online_seconds(stream, count)
        moment = to_utc(SHOP_ZONE, local)
        waits = stream.between(*_SECONDS_TO_ORDER, count)
        sent = np.isin(sessions.reason, FROM_MESSAGES) & (sessions.order >= 0)
        order = sessions.order[sent]
        moment[order] = behaviour.landing_moments(self.days, sessions.touch[sent]) + waits[order]
        local[order] = to_local(SHOP_ZONE, moment[order])
        missing = out_of_stock_online(self.days, self.incidents)
        lines = self.pricing.lines(
            purchases,
            channel=WEB,
            city=city,
            missing=missing[purchases.day],
            streams=self.streams,
        )
        return Sales(purchases, city, moment, local, lines)

    def _another_city(self, home: Ints, drawn: Ints) -> Ints:
        is_canadian = self.places.is_canadian()
        other = home.copy()
        for canadian in (0, 1):
            cities = np.flatnonzero(is_canadian == canadian)
            here = is_canadian[home] == canadian
            other[here] = cities[drawn[here] % len(cities)]
        return other


def local_to_utc(places: Places, city: Ints, local: Ints) -> Ints:
    """Moments of wall clock seconds in the zones of cities."""
    moment = np.empty_like(local)
    for position, place in enumerate(places.cities):
        here = city == position
        moment[here] = to_utc(place.zone, local[here])
    return moment
