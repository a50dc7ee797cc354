"""What people do, day by day, and what made them do it.

Every day each person may buy in a store, buy online, browse, or follow a message or an ad.
Messages raise the rate of buying for some days. One number is drawn for a purchase and
compared with the rate without any touch and with each touch on top, so it is known of every
purchase whether it would have happened anyway. Baskets belong to `baskets`, clicks and pages
to `channels`.
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
)
from orchestration.demo.consent import EMAIL, MAIL, PUSH, SMS, Consents
from orchestration.demo.contacts import Emails
from orchestration.demo.incidents import CHECKOUT_OUTAGE, Incidents
from orchestration.demo.people import CARDLESS, CHANNELS_OF_EFFECT, FREE_ACQUISITIONS, People
from orchestration.demo.random_numbers import BILLION, Bools, Ints, Stream, Streams

_MOST_LIKELY = BILLION * 95 // 100
_CONSENT_OF = {BY_EMAIL: EMAIL, BY_MAIL: MAIL, BY_SMS: SMS, BY_PUSH: PUSH}
_OPENED_PPM = {BY_EMAIL: 260_000, BY_MAIL: 0, BY_SMS: 0, BY_PUSH: 70_000}
_CLICKED_PPM = {BY_EMAIL: 130_000, BY_MAIL: 0, BY_SMS: 60_000, BY_PUSH: 1_000_000}
"""Of those who opened; of all who were sent an SMS."""
_STOPPED_PPM = {BY_EMAIL: 3_000, BY_MAIL: 0, BY_SMS: 5_000, BY_PUSH: 0}
_LONGEST_WAIT = 6 * 3600
_AD_CLICK_PPM = 2_500
_BAD_SERVICE_PPM = 35_000
_AFTER_BAD_SERVICE = 600
_DURING_OUTAGE = 400
_REDEEMED_PPM = (350_000, 80_000)
"""Coupons used in a purchase that the touch caused, and in any other."""

BROWSE, BUY, FROM_EMAIL, FROM_SMS, FROM_PUSH, FROM_AD = range(6)
"""Why a session takes place."""


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
    """The touch whose coupon is used, or -1."""
    is_troubled: Bools
    """Delivered badly; the person buys less from then on."""


class Sessions(NamedTuple):
    """Visits to the web shop or the app."""

    person: Ints
    day: Ints
    reason: Ints
    touch: Ints
    order: Ints
    """The order that is placed in it, or -1."""


@dataclass(frozen=True)
class Behaviour:
    """Everything that happened in the window."""

    touches: Touches
    receipts: Purchases
    orders: Purchases
    failed_checkouts: Purchases
    """Purchases that an outage of the checkout prevented."""
    sessions: Sessions


@dataclass
class _State:
    """What yesterday leaves behind, by channel of effect and person."""

    until: Ints
    touch: Ints
    service: Ints
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
            service=np.full(len(people), 1000, dtype=np.int64),
        )
        named = streams.named
        self._audience = {c.number: named(f"audience/{c.name}") for c in campaigns}
        self._store, self._online = named("behaviour/store"), named("behaviour/online")
        self._browse, self._ads = named("behaviour/browse"), named("behaviour/ads")
        self._coupons, self._service = named("behaviour/coupons"), named("behaviour/service")
        self._touches: list[Touches] = []
        self._receipts: list[Purchases] = []
        self._orders: list[Purchases] = []
        self._failed: list[Purchases] = []
        self._sessions: list[Sessions] = []
        self._order_count = 0

    def run(self) -> Behaviour:
        for day, season in enumerate(self._season):
            self._one_day(day, int(season))
        touches = _together(Touches, self._touches)
        return Behaviour(
            touches=touches._replace(effect=self._state.effect[: self._state.touch_count].copy()),
            receipts=_together(Purchases, self._receipts),
            orders=_together(Purchases, self._orders),
            failed_checkouts=_together(Purchases, self._failed),
            sessions=_together(Sessions, self._sessions),
        )

    def _one_day(self, day: int, season: int) -> None:
        people = self._people
        alive = (people.first_day <= day) & (day <= people.last_day)
        for campaign in self._campaigns:
            if campaign.day == day:
                self._send(campaign, day)
        self._click_ads(day, alive)
        store_rate = np.where(alive, people.store_rate * season // 1000, 0)
        online_rate = np.where(alive, people.online_rate * season // 1000, 0)
        store_rate = store_rate * self._state.service // 1000
        online_rate = online_rate * self._state.service // 1000
        self._receipts.append(self._buy(day, store_rate, self._store))
        self._order(day, online_rate)
        browsed = self._browse.chance(people.browse_rate * season // 1000, len(people))
        comes_first = (people.first_day == day) & np.isin(people.acquired_by, FREE_ACQUISITIONS)
        self._visit(np.flatnonzero((browsed | comes_first) & alive), day, BROWSE)

    def _send(self, campaign: Campaign, day: int) -> None:
        """Choose the audience, hold some out at random, and let the others be touched."""
        stream, channel = self._audience[campaign.number], campaign.channel
        agrees = self._consents.holds(_CONSENT_OF[channel], day)
        agrees &= self._people.first_day <= day
        audience = np.flatnonzero(agrees & stream.chance(campaign.audience_ppm, len(agrees)))
        count = len(audience)
        is_holdout = stream.chance(campaign.holdout_ppm, count)
        reached = ~is_holdout & ~(self._emails.is_dead[audience] & (channel == BY_EMAIL))
        is_alive = self._people.last_day[audience] >= day
        opened = reached & stream.chance(np.where(is_alive, _OPENED_PPM[channel], 20_000), count)
        if channel == BY_SMS:
            opened = reached & is_alive
        clicked = opened & stream.chance(_CLICKED_PPM[channel], count)
        stops = reached & stream.chance(_STOPPED_PPM[channel], count)
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
                wait=60 + np.minimum(stream.exponential(5400, count), _LONGEST_WAIT),
                effect=np.zeros(count, dtype=np.int64),
            )
        )
        if channel in (BY_EMAIL, BY_SMS):
            self._consents.withdrawn[_CONSENT_OF[channel], audience[stops]] = day + 1
        reason = {BY_EMAIL: FROM_EMAIL, BY_SMS: FROM_SMS, BY_PUSH: FROM_PUSH}.get(channel)
        if reason is not None:
            who = np.flatnonzero(clicked)
            self._visit(audience[who], day, reason, first + who)

    def _click_ads(self, day: int, alive: Bools) -> None:
        people = self._people
        rate = np.where(
            alive & (people.kind != CARDLESS), _AD_CLICK_PPM + people.effects[BY_AD] * 10, 0
        )
        comes_by_ad = (people.first_day == day) & (people.acquired_by > max(FREE_ACQUISITIONS))
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

    def _buy(self, day: int, rate: Ints, stream: Stream) -> Purchases:
        """Purchases of one day, each with its cause."""
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
            state.effect[touch] += higher - reached[on]
            reached[on] = higher
        who = np.flatnonzero(drawn < reached)
        return Purchases(
            person=who,
            day=np.full(len(who), day),
            cause=cause[who],
            coupon_touch=self._coupon(who, day, cause[who]),
            is_troubled=np.zeros(len(who), dtype=np.bool_),
        )

    def _coupon(self, who: Ints, day: int, cause: Ints) -> Ints:
        state = self._state
        held = np.full(len(who), -1, dtype=np.int64)
        for channel in (BY_MAIL, BY_SMS, BY_EMAIL):
            held = np.where(state.works(channel, day)[who], state.touch[channel, who], held)
        is_cause = (held == cause) & (held >= 0)
        used = self._coupons.chance(np.where(is_cause, *_REDEEMED_PPM), len(who))
        return np.where(used, held, -1)

    def _order(self, day: int, rate: Ints) -> None:
        bought = self._buy(day, rate, self._online)
        if day in self._outages:
            works = self._service.chance(_DURING_OUTAGE * 1000, len(bought.person))
            self._failed.append(_where(bought, ~works))
            self._visit(bought.person[~works], day, BROWSE)
            bought = _where(bought, works)
        troubled = self._service.chance(_BAD_SERVICE_PPM, len(bought.person))
        self._state.service[bought.person[troubled]] = _AFTER_BAD_SERVICE
        self._orders.append(bought._replace(is_troubled=troubled))
        orders = self._order_count + np.arange(len(bought.person))
        self._order_count += len(orders)
        self._sessions.append(
            Sessions(
                person=bought.person,
                day=bought.day,
                reason=np.full(len(orders), BUY),
                touch=bought.cause,
                order=orders,
            )
        )

    def _visit(self, who: Ints, day: int, reason: int, touch: Ints | None = None) -> None:
        none = np.full(len(who), -1, dtype=np.int64)
        self._sessions.append(
            Sessions(
                person=who,
                day=np.full(len(who), day),
                reason=np.full(len(who), reason),
                touch=none if touch is None else touch,
                order=none,
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
