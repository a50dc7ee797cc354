"""How fresh what landing serves of an entity is: the one rule, and what it is judged by.

The landing asset's check, `shopthread status` and the mart `dq_freshness` all answer by it;
the mart has to say it in SQL, and a test holds the three together. What a source promised
is its configuration's business, what was delivered the ledger's; neither is opened here.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from orchestration.sources.config import SourceConfig
from orchestration.sources.files import SNAPSHOT, UNDATED

NEWEST_DELIVERIES = f"""
select
    batches.source_key,
    batches.entity,
    max(nullif(batches.partition_key, '{SNAPSHOT}')) as newest_day,
    max(deliveries.delivered_at) as last_delivered_at
from batches
inner join deliveries on deliveries.batch_id = batches.batch_id
where batches.verdict = 'accepted' and deliveries.outcome <> 'refused'
group by batches.source_key, batches.entity
"""
"""One row per entity of which landing accepted anything, for `newest_of`.

Landing never accepts rows without a day, so what is no snapshot is a date.

A snapshot that is delivered again unchanged was delivered again: its age starts anew.
"""

EntityKey = tuple[str, str]
"""Source and entity."""


@dataclass(frozen=True)
class Newest:
    """The newest of what landing accepted of one entity."""

    day: date | None
    """Newest business date; None for a snapshot."""
    last_delivered_at: datetime

    def date_of(self, *, partitioned: bool) -> date | None:
        """How new the entity is: a snapshot is as new as its last delivery, in UTC."""
        return self.day if partitioned else self.last_delivered_at.date()


@dataclass(frozen=True)
class Freshness:
    """The answer of the rule."""

    state: Literal["fresh", "stale", "missing"]
    served: date | None
    """How new what landing serves is; None where it serves nothing."""
    lag_days: int | None
    """Days behind; None where there is nothing dated to count from or to."""


def newest_of(rows: Iterable[sqlite3.Row]) -> dict[EntityKey, Newest]:
    """What `NEWEST_DELIVERIES` found, by source and entity."""
    return {
        (str(row["source_key"]), str(row["entity"])): Newest(
            day=None if row["newest_day"] is None else date.fromisoformat(row["newest_day"]),
            last_delivered_at=datetime.fromisoformat(row["last_delivered_at"]).astimezone(UTC),
        )
        for row in rows
    }


def date_judged_at(
    override: date | None, sources: Iterable[SourceConfig], newest: Mapping[EntityKey, Newest]
) -> date | None:
    """The as-of date, as the model `int_calendar__as_of` finds it.

    The slowest required entity decides, because behind its newest day nothing is complete.
    None while none of them has landed a day.
    """
    if override is not None:
        return override
    keys = [
        (source.source, entity.name)
        for source in sources
        for entity in source.entities
        if entity.required and entity.partitioned
    ]
    days = [newest[key].day for key in keys if key in newest]
    return min((day for day in days if day is not None), default=None)


def judge_freshness(
    newest: Newest | None,
    refused_partitions: Iterable[str],
    as_of: date | None,
    *,
    partitioned: bool,
    max_age_hours: int,
) -> Freshness:
    """Missing: nothing was ever accepted. Stale: a refusal is open, or it lags too far.

    Judged at `as_of` and not by the clock, because the panel ended in 2017. A day that was
    offered and refused is a day behind, even when it lies after `as_of`; what arrived
    after `as_of` is not late.
    """
    if newest is None:
        return Freshness("missing", None, None)
    refused = list(refused_partitions)
    offered = [date.fromisoformat(name) for name in refused if name not in {UNDATED, SNAPSHOT}]
    until = max([*offered, *([] if as_of is None else [as_of])], default=None)
    served = newest.date_of(partitioned=partitioned)
    lag = None if served is None or until is None else max((until - served).days, 0)
    is_late = lag is not None and lag * 24 > max_age_hours
    return Freshness("stale" if refused or is_late else "fresh", served, lag)
