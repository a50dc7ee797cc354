"""When whole entities are delivered, and what a moment of such a day is.

The first snapshot stands in the history, the others arrive once a week. What a snapshot holds
belongs to the channel.
"""

import numpy as np

from orchestration.demo.calendar_days import DAY_SECONDS
from orchestration.demo.random_numbers import Ints
from orchestration.demo.world import World

_EVERY_DAYS = 7
_EVENING = 22 * 3600


def snapshot_days(world: World) -> list[int]:
    """Days at whose end an entity is delivered whole; the last day is always one."""
    before = max(world.size.daily_from - 1, 0)
    days = list(range(before, world.days.count, _EVERY_DAYS))
    return days if days[-1] == world.last_day else [*days, world.last_day]


def moment_of(world: World, day: Ints) -> Ints:
    """A moment in the evening of days."""
    return np.asarray(world.days.since_1970(day) * DAY_SECONDS + _EVENING)
