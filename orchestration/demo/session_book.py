"""All visits to the web shop and the app: when, on which device, from where, how far.

Facts of sessions, without their single events, which `session_events` expands. What web
and app analytics make of it belongs to `channels.web` and `channels.app`.
"""

from dataclasses import dataclass, fields

import numpy as np

from orchestration.demo.behaviour import (
    BROWSE,
    BUY,
    FROM_AD,
    FROM_EMAIL,
    FROM_MESSAGES,
    FROM_PUSH,
    FROM_SMS,
)
from orchestration.demo.calendar_days import DAY_SECONDS, SHOP_ZONE, online_seconds, to_utc
from orchestration.demo.consent import ADS, ANALYTICS
from orchestration.demo.people import GIFT_GIVER
from orchestration.demo.positions import NOTHING, numbers_at
from orchestration.demo.random_numbers import Bools, Ints, Stream
from orchestration.demo.world import World

WEB, APP = range(2)
ORIGINS = (
    # source, medium, referrer
    ("(direct)", "(none)", None),
    ("google", "organic", "https://www.google.com/"),
    ("bing", "organic", "https://www.bing.com/"),
    ("google", "cpc", "https://www.google.com/"),
    ("facebook.com", "paid_social", "https://www.facebook.com/"),
    ("instagram.com", "social", "https://www.instagram.com/"),
    ("klaviyo", "email", None),
    ("klaviyo", "sms", None),
    ("braze", "mobile-push", None),
    ("grocerreviews.example", "referral", "https://grocerreviews.example/maple-and-main"),
    ("display.example", "display", "https://news.example/"),
)
DIRECT, GOOGLE, BING, GOOGLE_ADS, META_ADS, SOCIAL, EMAIL, SMS, PUSH, REVIEW_SITE, DISPLAY = range(
    11
)
_FREE_ORIGINS = (38, 30, 6, 0, 0, 8, 0, 0, 0, 6, 0)
_ORIGIN_OF_ACQUISITION = np.array((DIRECT, GOOGLE, REVIEW_SITE, GOOGLE_ADS, META_ADS))
_PAID_ORIGINS = (0, 0, 0, 52, 36, 0, 0, 0, 0, 0, 12)
SEARCHES = ("gluten free", "gift ranking", "lasagna", "candles", "coffee", "cheap dinner",
            "birthday gift", "organic berries", "maple", "recycled paper")  # fmt: skip
GIFT_SEARCHES = (1, 6)
_SECONDS_A_STEP = 35
_LATE_PPM = (15_000, 5_000)


@dataclass(frozen=True)
class SessionBook:
    """One entry a session, ordered by business date of the shop and time."""

    person: Ints
    day: Ints
    start: Ints
    """Moment of the first event; also the session's number in web analytics."""
    platform: Ints
    device: Ints
    cookie: Ints
    reason: Ints
    touch: Ints
    """The touch whose link was followed, or -1."""
    order: Ints
    is_failed: Bools
    """An outage of the checkout prevented the order."""
    origin: Ints
    campaign: Ints
    """Number of the campaign that the link names, or -1."""
    views: Ints
    """Products looked at."""
    department: Ints
    search: Ints
    """Position in SEARCHES, or -1."""
    has_cart: Bools
    has_checkout: Bools
    is_logged_in: Bools
    is_kiosk: Bools
    is_measured: Bools
    """The person agreed to analytics."""
    allows_ads: Bools
    lateness: Ints

    def __len__(self) -> int:
        return len(self.person)

    @property
    def abandons(self) -> Bools:
        """Who began a checkout and did not order."""
        return self.has_checkout & (self.order < 0)

    def where(self, kept: Bools) -> "SessionBook":
        """Only those sessions; positions are new."""
        return self._taken(np.flatnonzero(kept))

    def ordered(self) -> "SessionBook":
        """By business date, time and person."""
        return self._taken(np.lexsort((self.person, self.start, self.day)))

    def _taken(self, positions: Ints) -> "SessionBook":
        return SessionBook(
            **{field.name: getattr(self, field.name)[positions] for field in fields(self)}
        )

    def end(self) -> Ints:
        """Moment at which a checkout is left or done."""
        return self.start + _SECONDS_A_STEP * (self.views + 4)


def keep_session_book(world: World, is_online: Bools) -> SessionBook:
    """Give every session its time, device and depth.

    `is_online`: for each order whether a session of ours placed it; marketplaces and
    telephones leave none.
    """
    stream = world.streams.named("sessions")
    sessions, people = world.behaviour.sessions, world.people
    person, day, reason = sessions.person, sessions.day, sessions.reason
    count = len(person)
    checks_out = (sessions.order >= 0) | sessions.is_failed
    views = 1 + stream.exponential(2, count)
    views = np.minimum(views, 12)
    has_cart = checks_out | stream.chance(180_000, count)
    start = _starts(world, views, online_seconds(stream, count))
    uses_app = people.has_app[person] & stream.chance(450_000, count)
    uses_app = (uses_app & (reason != FROM_EMAIL) & (reason != FROM_AD)) | (reason == FROM_PUSH)
    device = world.devices.of_sessions(person, people.store[person], stream)
    device = np.where(uses_app, world.devices.first_of(person), device)
    is_kiosk = device >= world.devices.kiosk_start
    likes_gifts = people.persona[person] == GIFT_GIVER
    searches = stream.chance(300_000, count)
    gift_search = np.array(GIFT_SEARCHES)[stream.below(2, count)]
    search = np.where(likes_gifts, gift_search, stream.below(len(SEARCHES), count))
    has_account = people.has_account[person]
    touch = sessions.touch
    is_sent = np.isin(reason, FROM_MESSAGES)
    campaign = numbers_at(world.behaviour.touches.campaign, np.where(is_sent, touch, NOTHING))
    book = SessionBook(
        person=person,
        day=day,
        start=start,
        platform=np.where(uses_app, APP, WEB),
        device=device,
        cookie=world.devices.cookie(device, day),
        reason=reason,
        touch=touch,
        order=sessions.order,
        is_failed=sessions.is_failed,
        origin=_origins(world, reason, stream),
        campaign=campaign,
        views=views,
        department=people.favourite[person],
        search=np.where(searches, search, -1),
        has_cart=has_cart,
        has_checkout=checks_out | (has_cart & stream.chance(280_000, count)),
        is_logged_in=has_account & stream.chance(np.where(checks_out, 850_000, 250_000), count),
        is_kiosk=is_kiosk,
        is_measured=world.consents.holds_for(ANALYTICS, person, day),
        allows_ads=world.consents.holds_for(ADS, person, day),
        lateness=stream.chance(_LATE_PPM[0], count) + stream.chance(_LATE_PPM[1], count) * 1,
    )
    is_ours = numbers_at(is_online.astype(np.int64), sessions.order, 1) == 1
    return book.where(is_ours).ordered()


def _starts(world: World, views: Ints, second_of_day: Ints) -> Ints:
    """Sessions of messages begin with the click; any other that orders ends with the order."""
    sessions = world.behaviour.sessions
    day_start = world.days.since_1970(sessions.day) * DAY_SECONDS
    start = to_utc(SHOP_ZONE, day_start + second_of_day)
    ordered = np.flatnonzero(sessions.order >= 0)
    placed = world.web_sales.moment[sessions.order[ordered]]
    midnight = to_utc(SHOP_ZONE, day_start[ordered])
    start[ordered] = np.maximum(placed - _SECONDS_A_STEP * (views[ordered] + 4), midnight + 60)
    sent = np.flatnonzero(np.isin(sessions.reason, FROM_MESSAGES))
    start[sent] = world.behaviour.landing_moments(world.days, sessions.touch[sent])
    return start


def _origins(world: World, reason: Ints, stream: Stream) -> Ints:
    """Messages have one origin; ads and free visits several; new people come their own way."""
    sessions, people = world.behaviour.sessions, world.people
    count = len(reason)
    is_free, is_paid = np.isin(reason, (BROWSE, BUY)), reason == FROM_AD
    origin = np.where(is_free, stream.pick(_FREE_ORIGINS, count), DIRECT)
    origin = np.where(is_paid, stream.pick(_PAID_ORIGINS, count), origin)
    for of_reason, of_origin in ((FROM_EMAIL, EMAIL), (FROM_SMS, SMS), (FROM_PUSH, PUSH)):
        origin = np.where(reason == of_reason, of_origin, origin)
    on_first_day = sessions.day == people.first_day[sessions.person]
    way = np.where(on_first_day, people.acquired_by[sessions.person], NOTHING)
    return np.where(way >= 0, numbers_at(_ORIGIN_OF_ACQUISITION, way), origin)
