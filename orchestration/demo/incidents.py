"""What goes wrong on purpose: bad deliveries, and trouble in the shops themselves.

File incidents change deliveries and nothing else: once everything has been corrected, the
data are those of a clean run. World incidents change what happens. All are truth. How a bad
delivery is made belongs to `deliveries`.
"""

from dataclasses import dataclass
from enum import StrEnum

from orchestration.demo.random_numbers import Stream, Streams
from orchestration.demo.sizes import Size


class Planting(StrEnum):
    """Which incidents a run has."""

    NONE = "none"
    FILES = "files"
    ALL = "all"


@dataclass(frozen=True)
class Incident:
    """One planted incident. World incidents have no entity."""

    kind: str
    source: str
    entity: str
    day: int
    until_day: int
    column: str = ""
    detail: str = ""
    product: int = -1
    """Position of the product that a stock split hits."""


DAY_LATE = "day_late"
FILE_TWICE = "file_twice"
RENAMED_COLUMN = "renamed_column"
NULL_SPIKE = "null_spike"
HALF_DAY = "half_day"
VOLUME_SPIKE = "volume_spike"
STOCK_SPLIT = "stock_split"
CONFLICTING_OFFERS = "conflicting_offers"
CHECKOUT_OUTAGE = "checkout_outage"

_FILE_INCIDENTS = (
    (DAY_LATE, "synthetic_till_us", ("transactions", "transaction_lines", "tenders"), "",
     "arrives a day later than usual"),
    (FILE_TWICE, "synthetic_loyalty", ("ledger",), "", "the same bytes arrive again a day later"),
    (RENAMED_COLUMN, "synthetic_shop", ("order_lines",), "sku",
     "the column is called variant_sku; corrected a day later"),
    (NULL_SPIKE, "synthetic_web", ("events",), "user_pseudo_id",
     "30 % are empty in the first delivery; the restatements are whole"),
    (HALF_DAY, "synthetic_shop", ("orders",), "", "only the first half of the day; whole a day later"),
    (VOLUME_SPIKE, "synthetic_app", ("events",), "anonymousId",
     "robots send four times the usual events; nothing is corrected"),
)  # fmt: skip
_QUIET_DAYS = 3


@dataclass(frozen=True)
class Incidents:
    """All incidents of a run."""

    planted: tuple[Incident, ...]

    def of_file(self, source: str, entity: str, day: int) -> Incident | None:
        """What is wrong with the delivery of that entity for that day."""
        for incident in self.planted:
            if (incident.source, incident.entity, incident.day) == (source, entity, day):
                return incident
        return None

    def of_kind(self, kind: str) -> tuple[Incident, ...]:
        return tuple(incident for incident in self.planted if incident.kind == kind)


def plan_incidents(size: Size, streams: Streams, planting: Planting) -> Incidents:
    """Choose the days: each incident has a day of its own, away from the window's ends."""
    if planting is Planting.NONE:
        return Incidents(())
    stream = streams.named("incidents")
    first, stop = size.daily_from + _QUIET_DAYS, size.day_count - 2 * _QUIET_DAYS
    order = first + stream.shuffled(stop - first)
    planted = [
        Incident(kind, source, entity, int(day), int(day), column, detail)
        for (kind, source, entities, column, detail), day in zip(
            _FILE_INCIDENTS, order, strict=False
        )
        for entity in entities
    ]
    if planting is Planting.ALL:
        planted += _world_incidents(
            size, stream, [int(day) for day in order[len(_FILE_INCIDENTS) :]]
        )
    return Incidents(tuple(planted))


def _world_incidents(size: Size, stream: Stream, free_days: list[int]) -> list[Incident]:
    split, offers, outage = free_days[:3]
    product = int(stream.below(size.products, 1)[0])
    return [
        Incident(
            STOCK_SPLIT,
            "",
            "",
            split,
            split + 4,
            "",
            "out of stock in both warehouses and on the web, stores have it",
            product,
        ),
        Incident(
            CONFLICTING_OFFERS,
            "",
            "",
            offers,
            offers,
            "",
            "10 % by e-mail and 20 % by SMS on one department",
        ),
        Incident(CHECKOUT_OUTAGE, "", "", outage, outage, "", "six of ten checkouts fail"),
    ]
