"""Robots of a volume spike: what they send beside the events of people.

They look at screens at the moments at which people do something and have ids, tokens and
sessions of their own; they have no account, no address and no order. On which day they come
belongs to `incidents`.
"""

import numpy as np
import pyarrow as pa

from orchestration.demo.columns import (
    Column,
    Rows,
    constant,
    digits,
    hexadecimal,
    joined,
    json_object,
)
from orchestration.demo.random_numbers import Ints, key_of, mixed

ROBOTS = 3
EVENTS_A_USUAL_ONE = 4
_FIRST_SESSION = 9_000_000_000
"""Behind every second since 1970 that a session of a person begins at."""


def with_robots(rows: Rows, seed: int) -> Rows:
    """The app's events of a day, and four times as many by robots."""
    robots = _events(rows.take(np.tile(np.arange(len(rows)), EVENTS_A_USUAL_ONE)), seed)
    both = {
        name: pa.concat_arrays([column, robots.columns[name]])
        for name, column in rows.columns.items()
    }
    return Rows(both, np.concatenate([rows.day, robots.day]), rows.json)


def robot_ids(seed: int) -> Column:
    """Device ids of all robots."""
    return joined("robot", hexadecimal(mixed(_everyone(), _key(seed) ^ 9)))


def robot_tokens(seed: int) -> Column:
    """Push tokens of all robots."""
    return joined("ptk_robot", hexadecimal(mixed(_everyone(), _key(seed) ^ 10)))


def _everyone() -> Ints:
    return np.arange(ROBOTS, dtype=np.int64)


def _key(seed: int) -> int:
    return key_of(seed, "robots")


def _events(moments: Rows, seed: int) -> Rows:
    """One event for each row; of the row only the times and the day are kept."""
    number = np.arange(len(moments), dtype=np.int64)
    robot = pa.array(number % ROBOTS)
    nothing = pa.nulls(len(moments), pa.string())
    device = json_object(
        {"type": constant("android", ROBOTS), "token": robot_tokens(seed)},
    )
    context = json_object(
        {
            "device": device,
            "os": json_object({"name": constant("Android", ROBOTS)}),
            "timezone": constant("Etc/UTC", ROBOTS),
        },
        raw=frozenset({"device", "os"}),
    )
    own = {
        "messageId": joined("robot-", hexadecimal(mixed(number, _key(seed)))),
        "type": constant("track", len(moments)),
        "event": constant("Screen Viewed", len(moments)),
        "anonymousId": robot_ids(seed).take(robot),
        "userId": nothing,
        "context": context.take(robot),
        "traits": nothing,
        "properties": json_object({"session_id": digits(_FIRST_SESSION + _everyone())}).take(robot),
    }
    times = {name: moments.columns[name] for name in ("timestamp", "sentAt", "receivedAt")}
    columns = {name: (own | times)[name] for name in moments.columns}
    return Rows(columns, moments.day, moments.json)
