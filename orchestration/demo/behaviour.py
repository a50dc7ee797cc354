"""What people do, day by day, and what made them do it.

Every day each person may buy in a store, buy online, browse, or follow a message or an ad.
Messages raise the rate of buying for some days. One number is drawn for a purchase and
compared with the rate without any touch and with each touch on top, so it is known of every
purchase whether it would have happened anyway. Every lot is drawn for everybody, whoever needs
it, so that what one person does moves nobody else's. Baskets belong to `baskets`, clicks and
pages to `channels`.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from orchestration.demo.calendar_days import Days
from orchestration.demo.campaigns import (
    BY_AD,
    BY_EMAIL,
    BY_MAIL,
    BY_PUSH,
    BY_SMS,
    EFFECT_DAYS,
    MAIL_DAYS_IN_POST,
    Campaign,
    sending_moments,
)
from orchestration.demo.consent import EMAIL, MAIL, PUSH, SMS, Consents
from orchestration.demo.contacts import NEVER, Emails
from orchestration.demo.incidents import CHECKOUT_OUTAGE, Incidents
from orchestration.demo.people import CARDLESS, CHANNELS_OF_EFFECT, FREE_ACQUISITIONS, People
from orchestration.demo.random_numbers import BILLION, MILLION, Bools, Ints, Stream, Streams

_MOST_LIKELY = BILLION * 95 // 100
_CONSENT_OF = {BY_EMAIL: EMAIL, BY_MAIL: MAIL, BY_SMS: SMS, BY_PUSH: PUSH}
_OPENED_PPM = {BY_EMAIL: 260_000, BY_MAIL: 0, BY_SMS: 0, BY_PUSH: 70_000}
_CLICKED_PPM = {BY_EMAIL: 130_000, BY_MAIL: 0, BY_SMS: 60_000, BY_PUSH: 1_000_000}
"""Of those who opened; of all who were sent an SMS."""
_STOPPED_PPM = {BY_EMAIL: 3_000, BY_MAIL: 0, BY_SMS: 5_000, BY_PUSH: 0}
_LONGEST_WAIT = 6 * 3600
_AD_CLICK_PPM = 2_500
_COLLECTED_PPM = 280_000
_LATE_PPM = 35_000
_LATE_FROM_DAY = 6
_LATE_DAYS = 4
"""A late parcel arrives six to nine days after the order, any other one within five."""
_AFTER_LATE_PARCEL = 600
_DURING_OUTAGE = 400
_REDEEMED_PPM = (350_000, 80_000)
"""Coupons used in a purchase that the touch caused, and in any other."""

BROWSE, BUY, FROM_EMAIL, FROM_SMS, FROM_PUSH, FROM_AD = range(6)
"""Why a session takes place."""
FROM_MESSAGES = (FROM_EMAIL, FROM_SMS, FROM_PUSH)
_SECONDS_FROM_CLICK_TO_PAGE = 27


class Touches(NamedTuple):
    """Every chance of a contact, those of people held out included."""

    channel: Ints
    campaign: Ints
    """Number of the campaign; -1 for an ad."""
    person: Ints
    day: Ints
    is_holdout: Bools
    is_opened: Bools
    is_clicked: Bools
    stops: Bools
    """The person takes consent back with it."""
    wait: Ints
    """Seconds from sending to the first reaction, if there is one."""
    effect: Ints
    """Expected purchases that it adds, in billionths."""


class Purchases(NamedTuple):
    """Purchases in stores, or online."""

    person: Ints
    day: Ints
    cause: Ints
    """The touch without which it would not have happened, or -1."""
    coupon_touch: Ints
    """The touch whose coupon is held ready, or -1; it may fit nothing in the basket."""
    is_collected: Bools
    """Taken home from a store; no parcel is sent."""
    arrives_late: Ints
    """Day on which a late parcel arrives, or -1. From the next day on the person buys less."""

    @property
    def is_late(self) -> Bools:
        """Whose parcel is late."""
        return np.asarray(self.arrives_late >= 0)


class Sessions(NamedTuple):
    """Visits to the web shop or the app."""

    person: Ints
    day: Ints
    reason: Ints
    touch: Ints
    """The touch whose link was followed, or -1."""
    order: Ints
    """The order that is placed in it, or -1."""
    is_failed: Bools
    """An order was tried in it, and an outage of the checkout prevented it."""


@dataclass(frozen=True)
class Behaviour:
    """Everything that happened in the window."""

    touches: Touches
    receipts: Purchases
    orders: Purchases
    sessions: Sessions

    def landing_moments(self, days: Days, touch: Ints) -> Ints:
        """When the page opens that the link of a message leads to."""
        touches = self.touches
        sent_at = sending_moments(days, touches.channel[touch], touches.day[touch])
        return np.asarray(sent_at + touches.wait[touch] + _SECONDS_FROM_CLICK_TO_PAGE)


@dataclass
class _State:
    """What yesterday leaves behind, by channel of effect and person."""

    until: Ints
    touch: Ints
    displeased_from: Ints
    """Day from which a person buys less."""
    touch_count: int = 0
    effect: Ints = field(default_factory=lambda: np.zeros(1 << 16, dtype=np.int64))

    def works(self, channel: int, day: int) -> Bools:
        """On whom a touch works; mail not before it is in the letter box."""
        until = self.until[channel]
        return np.asarray((until >= day) & (day > until - EFFECT_DAYS[channel]))

    def begin(self, channel: int, people: Ints, day: int) -> None:
        """New touches work on these people; they replace earlier ones of the channel."""
        self.touch[channel, people] = self.touch_count + np.arange(len(people))
        self.until[channel, people] = day + EFFECT_DAYS[channel] - 1
        self.grow(len(people))

    def grow(self, count: int) -> None:
        self.touch_count += count
        while self.touch_count > len(self.effect):
            self.effect = np.concatenate([self.effect, np.zeros_like(self.effect)])


class _Simulation:
    """The loop over days; each purpose draws from a stream of its own."""

    def __init__(
        self,
        *,
        people: People,
        consents: Consents,
        emails: Emails,
        campaigns: tuple[Campaign, ...],
        days: Days,
        incidents: Incidents,
        streams: Streams,
    ) -> None:
        self._people = people
        self._consents = consents
        self._emails = emails
        self._campaigns = campaigns
        self._season = days.season()
        self._outages = {i.day for i in incidents.of_kind(CHECKOUT_OUTAGE)}
        shape = (len(CHANNELS_OF_EFFECT), len(people))
        self._state = _State(
            until=np.full(shape, -1, dtype=np.int64),
            touch=np.full(shape, -1, dtype=np.int64),
            displeased_from=np.full(len(people), NEVER, dtype=np.int64),
        )
        named = streams.named
        self._audience = {c.number: named(f"audience/{c.name}") for c in campaigns}
        self._store, self._online = named("behaviour/store"), named("behaviour/online")
        self._browse, self._ads = named("behaviour/browse"), named("behaviour/ads")
        self._coupons, self._service = named("behaviour/coupons"), named("behaviour/service")
        self._outage = named("behaviour/outage")
        self._touches: list[Touches] = []
        self._receipts: list[Purchases] = []
        self._orders: list[Purchases] = []
        self._sessions: list[Sessions] = []
        self._today: list[Sessions] = []
        self._order_count = 0

    def run(self) -> Behaviour:
        for day, season in enumerate(self._season):
            self._one_day(day, int(season))
        touches = _together(Touches, self._touches)
        return Behaviour(
            touches=touches._replace(effect=self._state.effect[: self._state.touch_count].copy()),
            receipts=_together(Purchases, self._receipts),
            orders=_together(Purchases, self._orders),
            sessions=_together(Sessions, self._sessions),
        )

    def _one_day(self, day: int, season: int) -> None:
        people = self._people
        alive = (people.first_day <= day) & (day <= people.last_day)
        arrives = (people.first_day == day) & (people.acquired_by >= 0)
        comes_free = arrives & np.isin(people.acquired_by, FREE_ACQUISITIONS)
        for campaign in self._campaigns:
            if campaign.day == day:
                self._send(campaign, day, arrives)
        self._click_ads(day, alive & ~arrives, arrives & ~comes_free)
        store_rate = np.where(alive, people.store_rate * season // 1000, 0)
        online_rate = np.where(alive, people.online_rate * season // 1000, 0)
        mood = np.where(day >= self._state.displeased_from, _AFTER_LATE_PARCEL, 1000)
        self._receipts.append(self._buy(day, store_rate * mood // 1000, self._store))
        self._order(day, online_rate * mood // 1000)
        browsed = self._browse.chance(people.browse_rate * season // 1000, len(people))
        self._visit(np.flatnonzero((browsed & alive & ~arrives) | comes_free), day, BROWSE)
        self._sessions += self._today
        self._today = []

    def _send(self, campaign: Campaign, day: int, arrives: Bools) -> None:
        """Choose the audience, hold some out at random, and let the others be touched.

        Who arrives on the day is written to later: the first visit is the one that the way of
        acquisition names.
        """
        stream, channel, everyone = self._audience[campaign.number], campaign.channel, len(arrives)
        agrees = self._consents.holds(_CONSENT_OF[channel], day)
        agrees &= (self._people.first_day <= day) & ~arrives
        is_alive = self._people.last_day >= day
        chosen = stream.chance(campaign.audience_ppm, everyone)
        held = stream.chance(campaign.holdout_ppm, everyone)
        opens = stream.chance(np.where(is_alive, _OPENED_PPM[channel], 20_000), everyone)
        clicks = stream.chance(_CLICKED_PPM[channel], everyone)
        leaves = stream.chance(_STOPPED_PPM[channel], everyone)
        waits = 60 + np.minimum(stream.exponential(5400, everyone), _LONGEST_WAIT)
        audience = np.flatnonzero(agrees & chosen)
        count, is_holdout = len(audience), held[audience]
        reached = ~is_holdout & ~(self._emails.is_dead[audience] & (channel == BY_EMAIL))
        opened = reached & (is_alive if channel == BY_SMS else opens)[audience]
        clicked, stops = opened & clicks[audience], reached & leaves[audience]
        first = self._state.touch_count
        works_from = day + (MAIL_DAYS_IN_POST if channel == BY_MAIL else 0)
        treated = audience[reached]
        self._state.touch[channel, treated] = first + np.flatnonzero(reached)
        self._state.until[channel, treated] = works_from + EFFECT_DAYS[channel] - 1
        self._state.grow(count)
        self._touches.append(
            Touches(
                channel=np.full(count, channel),
                campaign=np.full(count, campaign.number),
                person=audience,
                day=np.full(count, day),
                is_holdout=is_holdout,
                is_opened=opened & (channel in (BY_EMAIL, BY_PUSH)),
                is_clicked=clicked,
                stops=stops,
                wait=waits[audience],
                effect=np.zeros(count, dtype=np.int64),
            )
        )
        if channel in (BY_EMAIL, BY_SMS):
            self._consents.withdrawn[_CONSENT_OF[channel], audience[stops]] = day + 1
        reason = {BY_EMAIL: FROM_EMAIL, BY_SMS: FROM_SMS, BY_PUSH: FROM_PUSH}.get(channel)
        if reason is not None:
            who = np.flatnonzero(clicked)
            self._visit(audience[who], day, reason, first + who)

    def _click_ads(self, day: int, may_click: Bools, comes_by_ad: Bools) -> None:
        people = self._people
        rate = np.where(
            may_click & (people.kind != CARDLESS), _AD_CLICK_PPM + people.effects[BY_AD] * 10, 0
        )
        who = np.flatnonzero(self._ads.chance(rate, len(people)) | comes_by_ad)
        count, first = len(who), self._state.touch_count
        self._state.begin(BY_AD, who, day)
        everyone, nobody = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        self._touches.append(
            Touches(
                channel=np.full(count, BY_AD),
                campaign=np.full(count, -1),
                person=who,
                day=np.full(count, day),
                is_holdout=nobody,
                is_opened=nobody,
                is_clicked=everyone,
                stops=nobody,
                wait=np.zeros(count, dtype=np.int64),
                effect=np.zeros(count, dtype=np.int64),
            )
        )
        self._visit(who, day, FROM_AD, first + np.arange(count))

    def _buy(self, day: int, rate: Ints, stream: Stream, works: int = 1000) -> Purchases:
        """Purchases of one day, each with its cause; `works` of a thousand will succeed."""
        state = self._state
        drawn = stream.billionths(len(rate))
        reached = np.minimum(rate * 1000, _MOST_LIKELY)
        sum_of_effects = np.full(len(rate), 1000, dtype=np.int64)
        cause = np.full(len(rate), -1, dtype=np.int64)
        for channel in range(len(CHANNELS_OF_EFFECT)):
            on = np.flatnonzero(state.works(channel, day))
            sum_of_effects[on] += self._people.effects[channel, on]
            higher = np.minimum(rate[on] * sum_of_effects[on], _MOST_LIKELY)
            is_caused = (drawn[on] >= reached[on]) & (drawn[on] < higher)
            touch = state.touch[channel, on]
            cause[on[is_caused]] = touch[is_caused]
            state.effect[touch] += (higher - reached[on]) * works // 1000
            reached[on] = higher
        who = np.flatnonzero(drawn < reached)
        return Purchases(
            person=who,
            day=np.full(len(who), day),
            cause=cause[who],
            coupon_touch=self._coupon(who, day, cause[who]),
            is_collected=np.ones(len(who), dtype=np.bool_),
            arrives_late=np.full(len(who), -1, dtype=np.int64),
        )

    def _coupon(self, who: Ints, day: int, cause: Ints) -> Ints:
        state = self._state
        held = np.full(len(who), -1, dtype=np.int64)
        for channel in (BY_MAIL, BY_SMS, BY_EMAIL):
            held = np.where(state.works(channel, day)[who], state.touch[channel, who], held)
        is_cause = (held == cause) & (held >= 0)
        lot = self._coupons.below(MILLION, len(self._people))[who]
        return np.where(lot < np.where(is_cause, *_REDEEMED_PPM), held, -1)

    def _order(self, day: int, rate: Ints) -> None:
        """Orders of one day, with what becomes of their parcels."""
        everyone = len(self._people)
        works = _DURING_OUTAGE if day in self._outages else 1000
        tried = self._buy(day, rate, self._online, works)
        succeeds = self._outage.chance(works * 1000, everyone)[tried.person]
        self._place(day, tried.person, succeeds)
        bought = _where(tried, succeeds)
        is_collected = self._service.chance(_COLLECTED_PPM, everyone)[bought.person]
        is_late = self._service.chance(_LATE_PPM, everyone)[bought.person] & ~is_collected
        takes = _LATE_FROM_DAY + self._service.below(_LATE_DAYS, everyone)[bought.person]
        arrives_late = np.where(is_late, day + takes, -1)
        late = bought.person[is_late]
        self._state.displeased_from[late] = np.minimum(
            self._state.displeased_from[late], arrives_late[is_late] + 1
        )
        self._orders.append(bought._replace(is_collected=is_collected, arrives_late=arrives_late))

    def _place(self, day: int, person: Ints, succeeds: Bools) -> None:
        """Order in the visit by the last link that the person followed today, or in an own one.

        Stands before anybody browses, so the visits of today are those by links.
        """
        by_link = _together(Sessions, self._today)
        order = np.where(succeeds, self._order_count + np.cumsum(succeeds) - 1, -1)
        self._order_count += int(succeeds.sum())
        visit = np.full(len(self._people), -1, dtype=np.int64)
        visit[by_link.person] = np.arange(len(by_link.person))
        came = visit[person]
        follows = came >= 0
        by_link.order[came[follows]] = order[follows]
        by_link.is_failed[came[follows]] = ~succeeds[follows]
        count = int((~follows).sum())
        own = Sessions(
            person=person[~follows],
            day=np.full(count, day),
            reason=np.full(count, BUY),
            touch=np.full(count, -1),
            order=order[~follows],
            is_failed=~succeeds[~follows],
        )
        self._today = [by_link, own]

    def _visit(self, who: Ints, day: int, reason: int, touch: Ints | None = None) -> None:
        none = np.full(len(who), -1, dtype=np.int64)
        self._today.append(
            Sessions(
                person=who,
                day=np.full(len(who), day),
                reason=np.full(len(who), reason),
                touch=none if touch is None else touch,
                order=none.copy(),
                is_failed=np.zeros(len(who), dtype=np.bool_),
            )
        )


def _where(purchases: Purchases, kept: Bools) -> Purchases:
    return Purchases._make(array[kept] for array in purchases)


def _together(kind: Any, parts: list[Any]) -> Any:
    """The days' arrays behind each other."""
    if not parts:
        return kind(*(np.empty(0, dtype=np.int64) for _ in kind._fields))
    return kind(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def behave(
    *,
    people: People,
    consents: Consents,
    emails: Emails,
    campaigns: tuple[Campaign, ...],
    days: Days,
    incidents: Incidents,
    streams: Streams,
) -> Behaviour:
    """Let everybody live through the window; `consents` gains the withdrawals."""
    return _Simulation(
        people=people,
        consents=consents,
        emails=emails,
        campaigns=campaigns,
        days=days,
        incidents=incidents,
        streams=streams,
    ).run()
