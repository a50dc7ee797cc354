"""The plan of campaigns: what is sent when, with which offer, and who is held out.

Half of the causal story: which people are treated is drawn at random in `behaviour`, so the
difference to those held out is an effect and not a habit. How messages are delivered as data
belongs to `channels`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.calendar_days import DAY_SECONDS, SHOP_ZONE, Days, to_utc
from orchestration.demo.catalogue import DEPARTMENTS
from orchestration.demo.incidents import CONFLICTING_OFFERS, Incidents
from orchestration.demo.people import CHANNELS_OF_EFFECT
from orchestration.demo.random_numbers import Ints, Streams

BY_EMAIL, BY_MAIL, BY_SMS, BY_PUSH, BY_AD = range(5)
EFFECT_DAYS = (3, 21, 2, 1, 2)
"""How long a touch of each channel works."""
_HOLDOUT_PPM = (100_000, 200_000, 100_000, 100_000, 0)
_AUDIENCE_PPM = (400_000, 700_000, 500_000, 500_000, 0)
MAIL_DAYS_IN_POST = 3
_SENT_HOURS = (9, 8, 11, 17, 0)
_OFFERS = (0, 100, 100, 150, 200)
_MONDAY = 0


@dataclass(frozen=True)
class Campaign:
    """One sending of one channel; `number` is its place in the plan."""

    number: int
    channel: int
    day: int
    """When it is sent; mail reaches homes MAIL_DAYS_IN_POST later and works from then on."""
    department: int
    offer: int
    """What it takes off, in thousandths; 0 is a message without an offer."""
    holdout_ppm: int
    audience_ppm: int

    @property
    def channel_name(self) -> str:
        return CHANNELS_OF_EFFECT[self.channel]

    @property
    def name(self) -> str:
        return f"{self.channel_name}_{self.number:03d}_{self.department_slug}"

    @property
    def department_slug(self) -> str:
        return DEPARTMENTS[self.department].lower().replace(" & ", "-").replace(" ", "-")

    @property
    def coupon_code(self) -> str:
        return f"{self.channel_name.upper()}{self.number:03d}" if self.offer else ""


def sending_moments(days: Days, channel: Ints, day: Ints) -> Ints:
    """When the messages of a channel leave on a day."""
    hour = np.array(_SENT_HOURS)[channel]
    return to_utc(SHOP_ZONE, days.since_1970(day) * DAY_SECONDS + hour * 3600)


def plan_campaigns(days: Days, incidents: Incidents, streams: Streams) -> tuple[Campaign, ...]:
    """A rhythm by weekday; planted conflicts come on top."""
    stream = streams.named("campaigns")
    sendings = []
    for day in range(days.count):
        weekday = days.date_of(day).weekday()
        if weekday == _MONDAY and (day // 7) % 4 == 1:
            sendings.append((day, BY_MAIL))
        if weekday == _MONDAY + 2:
            sendings.append((day, BY_EMAIL))
        if weekday == _MONDAY + 4:
            sendings.append((day, BY_PUSH))
        if weekday == _MONDAY + 5 and (day // 7) % 2 == 0:
            sendings.append((day, BY_SMS))
    departments = stream.below(len(DEPARTMENTS), len(sendings))
    offers = stream.below(len(_OFFERS), len(sendings))
    planned = [
        (day, channel, int(department), _OFFERS[int(offer)])
        for (day, channel), department, offer in zip(sendings, departments, offers, strict=True)
    ]
    for incident in incidents.of_kind(CONFLICTING_OFFERS):
        planned += [(incident.day, BY_EMAIL, 5, 100), (incident.day, BY_SMS, 5, 200)]
    return tuple(
        Campaign(n, channel, day, department, offer, _HOLDOUT_PPM[channel], _AUDIENCE_PPM[channel])
        for n, (day, channel, department, offer) in enumerate(planned)
    )
