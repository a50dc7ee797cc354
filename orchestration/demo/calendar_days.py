"""Days of the window, seasons, and local times of places that change their clocks.

A day is its number in the window; a moment is whole seconds since 1970 in UTC. Rules of time
zones are those of the installed database, which for past years no longer change. Nothing
here asks a clock or the machine's own time zone.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from orchestration.demo.random_numbers import Ints, Stream
from orchestration.demo.sizes import Size

DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1)
SHOP_ZONE = "America/New_York"

_WEEKDAY = (920, 880, 900, 950, 1120, 1240, 990)  # Monday first, in thousandths
_MONTH = (940, 930, 980, 990, 1030, 1000, 1010, 990, 980, 1010, 1040, 1180)
_CHRISTMAS = (12, 25)
_RUSH = {(11, 22): 1450, (11, 24): 1500, (12, 22): 1500, (12, 23): 1600, (12, 24): 1300}


@dataclass(frozen=True)
class Days:
    """The days of one window."""

    first_date: date
    count: int

    @property
    def first(self) -> int:
        """Number of the first day since 1970."""
        return (self.first_date - EPOCH).days

    def date_of(self, day: int) -> date:
        return self.first_date + timedelta(days=day)

    def since_1970(self, day: Ints) -> Ints:
        return day + self.first

    def shop_day_of(self, moment: Ints) -> Ints:
        """Business date of the shop, as a day of the window."""
        return to_local(SHOP_ZONE, moment) // DAY_SECONDS - self.first

    def season(self) -> Ints:
        """How busy each day is, in thousandths of a usual one. No one shops at Christmas."""
        return np.array([_busy(self.date_of(day)) for day in range(self.count)], dtype=np.int64)


def days_of(size: Size) -> Days:
    """The window of a size."""
    return Days(size.first_date, size.day_count)


def _busy(day: date) -> int:
    if (day.month, day.day) == _CHRISTMAS:
        return 0
    usual = _WEEKDAY[day.weekday()] * _MONTH[day.month - 1] // 1000
    return _RUSH.get((day.month, day.day), usual)


@cache
def clock_changes(zone: str, first_year: int, last_year: int) -> tuple[Ints, Ints]:
    """Moments from which an offset holds, and the offsets, in seconds."""
    clock = ZoneInfo(zone)
    start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    stop = int(datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp())
    moments, offsets = [start], [_offset(clock, start)]
    for day in range(start, stop, DAY_SECONDS):
        if _offset(clock, day + DAY_SECONDS) != offsets[-1]:
            low, high = day, day + DAY_SECONDS
            while high - low > 1:
                middle = (low + high) // 2
                unchanged = _offset(clock, middle) == offsets[-1]
                low, high = (middle, high) if unchanged else (low, middle)
            moments.append(high)
            offsets.append(_offset(clock, high))
    return np.array(moments, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _offset(clock: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, tz=clock).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def offsets_at(zone: str, moments: Ints) -> Ints:
    """Seconds that the clocks of `zone` are ahead of UTC."""
    changes, offsets = clock_changes(zone, 2015, 2019)
    return offsets[np.searchsorted(changes, moments, side="right") - 1]


def to_utc(zone: str, local: Ints) -> Ints:
    """Moments of local wall clock seconds.

    A time that the clocks jump over is moved behind the gap; one that comes twice is the
    first of both.
    """
    guess = local - offsets_at(zone, local)
    earlier = offsets_at(zone, guess - DAY_SECONDS // 2)
    first_try = local - earlier
    fits = first_try + offsets_at(zone, first_try) == local
    other = local - offsets_at(zone, guess + DAY_SECONDS // 2)
    other_fits = other + offsets_at(zone, other) == local
    return np.where(fits, first_try, np.where(other_fits, other, first_try))


def to_local(zone: str, moments: Ints) -> Ints:
    """Wall clock seconds of moments."""
    return moments + offsets_at(zone, moments)


_BEFORE_MIDNIGHT = 900
"""What belongs together should not be cut by a change of date."""
_HOURS_OPEN = (0,) * 7 + (20, 45, 60, 70, 85, 95, 80, 70, 75, 100, 120, 105, 70, 40, 15, 0, 0)
_HOURS_ONLINE: tuple[int, ...] = (
    8,
    4,
    2,
    1,
    1,
    3,
    12,
    30,
    40,
    42,
    44,
    45,
    52,
    48,
    42,
    42,
    46,
    52,
    60,
    78,
    92,
)
_HOURS_ONLINE += (88, 60, 28)


def opening_seconds(stream: Stream, count: int) -> Ints:
    """Seconds of a day at which people stand at a till."""
    return stream.pick(_HOURS_OPEN, count) * 3600 + stream.below(3600, count)


def online_seconds(stream: Stream, count: int) -> Ints:
    """Seconds of a day at which people are online; nobody begins just before midnight."""
    drawn = stream.pick(_HOURS_ONLINE, count) * 3600 + stream.below(3600, count)
    return np.asarray(np.minimum(drawn, DAY_SECONDS - _BEFORE_MIDNIGHT))
