"""Who agreed to what, when, and when they took it back: the truth about consent.

A timeline by person and channel. Withdrawals that follow a message are added while people
behave; how the consent system delivers the changes, sometimes late, belongs to
`channels.consent`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.calendar_days import Days
from orchestration.demo.contacts import NEVER
from orchestration.demo.people import CARDLESS, PROSPECT, People
from orchestration.demo.random_numbers import Bools, Ints, Streams

CONSENT_CHANNELS = ("email", "sms", "push", "mail", "phone", "ads", "analytics")
EMAIL, SMS, PUSH, MAIL, PHONE, ADS, ANALYTICS = range(7)
PURPOSES = ("marketing",) * 5 + ("advertising", "analytics")
_GRANTED_PPM = (620_000, 300_000, 700_000, 850_000, 150_000, 550_000, 820_000)
_ASKED_PPM = (900_000, 600_000, 1_000_000, 900_000, 400_000, 980_000, 980_000)
_WITHDRAWN_PPM = (60_000, 50_000, 80_000, 15_000, 30_000, 40_000, 30_000)
_NEVER_CONFIRMED = 60_000


@dataclass
class Consents:
    """Days by channel (rows) and person; `withdrawn` grows while people behave.

    A channel of which a person was never asked has no answer day: that is not consent.
    """

    answered: Ints
    """Day of the first answer, or NEVER."""
    is_granted: Bools
    is_unconfirmed: Bools
    """Agreed to e-mail and never confirmed: not a consent either."""
    withdrawn: Ints
    """Day on which it was taken back, or NEVER."""

    def holds(self, channel: int, day: int) -> Bools:
        """Who agrees on that day."""
        granted = self.is_granted[channel] & ~self.is_unconfirmed[channel]
        known = self.answered[channel] <= day
        return np.asarray(granted & known & (day < self.withdrawn[channel]))

    def holds_for(self, channel: int, person: Ints, day: Ints) -> Bools:
        """Whether each person agrees on each day."""
        granted = self.is_granted[channel, person] & ~self.is_unconfirmed[channel, person]
        known = self.answered[channel, person] <= day
        return np.asarray(granted & known & (day < self.withdrawn[channel, person]))


def make_consents(people: People, days: Days, streams: Streams) -> Consents:
    """Draw first answers and the withdrawals that no message causes."""
    stream = streams.named("consents")
    count, channels = len(people), len(CONSENT_CHANNELS)
    answered = np.full((channels, count), NEVER, dtype=np.int64)
    is_granted = np.zeros((channels, count), dtype=np.bool_)
    withdrawn = np.full((channels, count), NEVER, dtype=np.int64)
    digital = people.kind != CARDLESS
    for channel in range(channels):
        asked = stream.chance(_ASKED_PPM[channel], count) & _can_be_asked(channel, people, digital)
        answered[channel] = np.where(asked, people.first_day, NEVER)
        is_granted[channel] = asked & stream.chance(_GRANTED_PPM[channel], count)
        later = people.first_day + 1 + stream.below(days.count, count)
        takes_back = is_granted[channel] & stream.chance(_WITHDRAWN_PPM[channel], count)
        withdrawn[channel] = np.where(takes_back, later, NEVER)
    is_unconfirmed = np.zeros((channels, count), dtype=np.bool_)
    is_unconfirmed[EMAIL] = is_granted[EMAIL] & stream.chance(_NEVER_CONFIRMED, count)
    withdrawn[EMAIL][is_unconfirmed[EMAIL]] = NEVER
    return Consents(answered, is_granted, is_unconfirmed, withdrawn)


def _can_be_asked(channel: int, people: People, digital: Bools) -> Bools:
    if channel == PUSH:
        return people.has_app
    if channel == MAIL:
        return ~people.is_kind(CARDLESS, PROSPECT)
    return digital
