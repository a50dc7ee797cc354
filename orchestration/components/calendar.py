"""The one calendar of partitions: business dates, as labels.

A partition key is the local business date that a source declares; it never stands for a
window of UTC time. Which days a source delivered is not known here.
"""

from datetime import date, timedelta
from functools import cache

import dagster as dg

from orchestration.settings import load_settings

FIRST_ZONE_OF_A_DAY = "Pacific/Kiritimati"
"""UTC+14: a day is over here first, so every day that is over for some source has its label."""

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"


@cache
def business_dates() -> dg.DailyPartitionsDefinition:
    """Every business date of the project's calendar, first and last day included.

    An open calendar ends with the newest day that is over anywhere; for which source it is
    over, landing decides.
    """
    settings = load_settings()
    return dg.DailyPartitionsDefinition(
        start_date=settings.first_day.isoformat(),
        end_date=None
        if settings.last_day is None
        else (settings.last_day + timedelta(days=1)).isoformat(),
        timezone=FIRST_ZONE_OF_A_DAY,
    )


def requested_days(context: dg.AssetExecutionContext) -> list[date] | None:
    """Business dates a run asks for; None when it names none: all that is new."""
    if not context.run.tags.keys() & {RANGE_START_TAG, PARTITION_TAG}:
        return None
    return [date.fromisoformat(key) for key in context.partition_keys]


def days_of(context: dg.AssetExecutionContext) -> frozenset[str]:
    """The requested partition keys, none when the run names none."""
    days = requested_days(context)
    return frozenset() if days is None else frozenset(day.isoformat() for day in days)


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags that make one run of a whole range of business dates."""
    return {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: last.isoformat()}
