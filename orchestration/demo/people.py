"""People and households: who they are, how they shop, until when they are alive as customers.

All of it is truth and nothing is delivered as it stands here. What points to a person
belongs to `identifiers` and `devices`, what a person does to `behaviour`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.demo import names
from orchestration.demo.calendar_days import Days
from orchestration.demo.panel import PanelCards
from orchestration.demo.places import Places
from orchestration.demo.positions import numbers_at
from orchestration.demo.random_numbers import MILLION, Bools, Ints, Stream, Streams
from orchestration.demo.sizes import Size

KINDS = ("panel", "card", "cardless", "online", "prospect")
"""A panel card; a card of our own; stores without a card; online only; not yet a customer."""
PANEL, CARD, CARDLESS, ONLINE, PROSPECT = range(5)


@dataclass(frozen=True)
class Persona:
    """A way of living, as rates a day in parts per million and effects in thousandths."""

    name: str
    share: int
    store_rate: int
    online_rate: int
    browse_rate: int
    sensitivity: int
    basket: int
    """Lines of a usual basket."""
    alive_days: int
    """Mean days until a person drops out."""
    effects: tuple[int, int, int, int, int]
    """What e-mail, mail, SMS, push and ads add to the rate of buying while they work."""
    favourites: tuple[int, ...]
    """Departments in which most is bought."""


ACQUIRED_BY = ("direct", "organic_search", "referral", "paid_search", "paid_social")
FREE_ACQUISITIONS = (0, 1, 2)
_ACQUIRED_SHARES = (25, 28, 12, 20, 15)
_WORTH = np.array((1000, 1050, 1400, 1100, 400), dtype=np.int64)
"""How much those buy who came that way, in thousandths: paid social brings cheap people."""

CHANNELS_OF_EFFECT = ("email", "mail", "sms", "push", "ad")

PERSONAS = (
    Persona("weekly_family", 24, 150_000, 14_000, 30_000, 520, 11, 2600, (150, 400, 80, 120, 60), (0, 1, 3, 4)),
    Persona("bargain_hunter", 18, 110_000, 10_000, 60_000, 860, 8, 1400, (450, 700, 300, 250, 150), (2, 4, 6)),
    Persona("busy_professional", 16, 60_000, 26_000, 45_000, 240, 6, 1500, (120, 60, 200, 350, 120), (5, 7, 1)),
    Persona("health_seeker", 12, 95_000, 16_000, 55_000, 330, 7, 1900, (300, 150, 60, 180, 90), (0, 8, 1)),
    Persona("gift_giver", 8, 20_000, 9_000, 35_000, 450, 4, 1100, (500, 350, 100, 100, 300), (9, 10)),
    Persona("senior_regular", 14, 130_000, 3_000, 8_000, 600, 7, 3200, (60, 900, 20, 0, 10), (0, 3, 2)),
    Persona("student", 8, 70_000, 12_000, 70_000, 780, 4, 700, (200, 30, 250, 400, 350), (5, 4, 11)),
)  # fmt: skip
GIFT_GIVER, SENIOR, STUDENT = 4, 5, 6
"""Positions of those who are treated differently somewhere."""


@dataclass(frozen=True)
class People:
    """One entry a person in every array; a person is a position in them."""

    kind: Ints
    persona: Ints
    household: Ints
    """Number of the household, which is its head's position."""
    store: Ints
    """The home store, which is also the home city."""
    given_name: Ints
    family_name: Ints
    birth_year: Ints
    is_female: Bools
    panel_card: Ints
    """Number of the panel's card, or -1."""
    sensitivity: Ints
    first_day: Ints
    last_day: Ints
    """The last day alive as a customer; behind the window for those who stay."""
    store_rate: Ints
    online_rate: Ints
    browse_rate: Ints
    effects: Ints
    """Effect of each channel of CHANNELS_OF_EFFECT, in thousandths: five rows."""
    favourite: Ints
    has_account: Bools
    has_app: Bools
    acquired_by: Ints
    """Position in ACQUIRED_BY of how somebody new came to the shop, or -1."""

    def __len__(self) -> int:
        return len(self.kind)

    def ids(self) -> Ints:
        return np.arange(len(self), dtype=np.int64)

    def is_kind(self, *kinds: int) -> Bools:
        return np.isin(self.kind, kinds)

    def has_card(self) -> Bools:
        return self.is_kind(PANEL, CARD)


def make_people(
    size: Size, days: Days, places: Places, panel: PanelCards, streams: Streams
) -> People:
    """Draw everybody. Panel people come first, ordered by card."""
    counts = (
        len(panel),
        size.card_people,
        size.cardless_people,
        size.online_people,
        size.prospects,
    )
    kind = np.repeat(np.arange(len(KINDS)), counts)
    count = len(kind)
    stream = streams.named("people")
    persona = stream.pick([persona.share for persona in PERSONAS], count)
    household = _households(streams.named("households"), kind)
    first_day, last_day = _lifetimes(streams.named("lifetimes"), kind, persona, days)
    last_day[: len(panel)] = np.maximum(last_day[: len(panel)], panel.last_day - days.first)
    panel_card = np.full(count, -1, dtype=np.int64)
    panel_card[: len(panel)] = panel.numbers
    effects = _by_persona([list(p.effects) for p in PERSONAS])[persona].T
    effects = effects * stream.between(500, 1500, count) // 1000
    is_online = np.isin(kind, (PANEL, CARD, ONLINE, PROSPECT))
    acquired_by = streams.named("acquisition").pick(_ACQUIRED_SHARES, count)
    acquired_by = np.where(np.isin(kind, (ONLINE, PROSPECT)) & (first_day > 0), acquired_by, -1)
    favourites = _by_persona([(p.favourites * 12)[:12] for p in PERSONAS])
    return People(
        kind=kind,
        persona=persona,
        household=household,
        store=stream.below(len(places.cities), count)[household],
        given_name=stream.below(len(names.GIVEN), count),
        family_name=stream.below(len(names.FAMILY), count)[household],
        birth_year=np.where(
            persona == SENIOR,
            stream.between(1932, 1953, count),
            stream.between(1950, 1999, count),
        ),
        is_female=stream.chance(510_000, count),
        panel_card=panel_card,
        sensitivity=np.clip(
            _by_persona([p.sensitivity for p in PERSONAS])[persona]
            + stream.between(-200, 201, count),
            0,
            1000,
        ),
        first_day=first_day,
        last_day=last_day,
        acquired_by=acquired_by,
        **_rates(streams.named("rates"), kind, persona, numbers_at(_WORTH, acquired_by, 1000)),
        effects=effects,
        favourite=favourites[persona, stream.below(12, count)],
        has_account=is_online & stream.chance(np.where(kind == PROSPECT, 350_000, 620_000), count),
        has_app=is_online & stream.chance(np.where(persona >= STUDENT, 600_000, 330_000), count),
    )


def _by_persona(values: Sequence[object]) -> Ints:
    return np.array(values, dtype=np.int64)


def _households(stream: Stream, kind: Ints) -> Ints:
    """Heads live alone or take others in; a panel card is always a head's."""
    count = len(kind)
    is_head = (kind == PANEL) | stream.chance(620_000, count)
    if not is_head.any():
        is_head[0] = True
    heads = np.flatnonzero(is_head)
    joined_head = heads[stream.below(len(heads), count)]
    return np.where(is_head, np.arange(count), joined_head)


def _lifetimes(stream: Stream, kind: Ints, persona: Ints, days: Days) -> tuple[Ints, Ints]:
    count = len(kind)
    is_new = (kind != PANEL) & stream.chance(300_000, count)
    first_day = np.where(is_new, stream.below(days.count, count), 0)
    mean = _by_persona([p.alive_days for p in PERSONAS])[persona]
    return first_day, first_day + 1 + stream.exponential(mean, count)


def _rates(stream: Stream, kind: Ints, persona: Ints, worth: Ints) -> dict[str, Ints]:
    """Rates a day in parts per million; heterogeneous around the persona's."""
    count = len(kind)
    spread = (300_000 + stream.exponential(700_000, count)) * worth // 1000
    store_share = np.array([0, 1000, 800, 0, 0])[kind]
    online_share = np.array([600, 700, 0, 1600, 0])[kind]
    browse_share = np.array([600, 700, 0, 1500, 800])[kind]

    def rate(of: str, share: Ints) -> Ints:
        usual = _by_persona([getattr(p, of) for p in PERSONAS])[persona]
        return np.asarray(np.minimum(usual * share // 1000 * spread // MILLION, 700_000))

    return {
        "store_rate": rate("store_rate", store_share),
        "online_rate": rate("online_rate", online_share),
        "browse_rate": rate("browse_rate", browse_share),
    }
