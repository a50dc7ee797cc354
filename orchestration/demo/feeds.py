"""What a source entity delivers: its files' dialect and its rhythm.

A feed says how; `channels` say what rows, `deliveries` write them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from orchestration.demo.formats import Dialect


@dataclass(frozen=True)
class Feed:
    """One entity of one source.

    Daily feeds deliver a file for each business date on the next morning, snapshots the whole
    entity once a week. `restated_after`: that many days later the day is delivered again.
    """

    source: str
    entity: str
    key: tuple[str, ...]
    """Columns that tell rows of one delivery, and of all dates together, apart."""
    dialect: Dialect
    dated_by: str = ""
    """Column that says the business date: a date, or a moment in UTC whose date in the zone
    of the shop it is. Snapshots have none."""
    rhythm: Literal["daily", "snapshot"] = "daily"
    restated_after: tuple[int, ...] = ()

    @property
    def is_daily(self) -> bool:
        return self.rhythm == "daily"


class FeedError(LookupError):
    """No feed of that name is declared; the message names it."""


def find_feed(feeds: Iterable[Feed], source: str, entity: str) -> Feed:
    """The declared feed of that name."""
    for feed in feeds:
        if (feed.source, feed.entity) == (source, entity):
            return feed
    raise FeedError(f"no feed {source}/{entity} is declared")
