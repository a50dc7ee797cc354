"""Count the records of a text by business date, without the engine that lands them.

The moments are read once more, in Python, by the same declared format. What belongs to no
business date, a record without shape too, is counted under None.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from zoneinfo import ZoneInfo

from orchestration.sources.formats import ISO_TIMESTAMP, TimeFormat, format_pattern


def count_text_days(
    moments: Iterable[str | None], time: TimeFormat, business_zone: str
) -> dict[date | None, int]:
    """How many of these moments belong to each local business date."""
    read, zone = moment_reader(time), ZoneInfo(business_zone)
    counts: Counter[date | None] = Counter()
    for value in moments:
        moment = None if value is None else read(value)
        counts[None if moment is None else moment.astimezone(zone).date()] += 1
    return dict(counts)


def count_text_dates(written: Iterable[str | None], time: TimeFormat) -> dict[date | None, int]:
    """How many of these texts name each date."""
    read = date_reader(time)
    return dict(Counter(None if value is None else read(value) for value in written))


def date_reader(time: TimeFormat) -> Callable[[str], date | None]:
    """What reads a date as declared, or says that it cannot be read."""
    pattern = re.compile(time.date_pattern)

    def read(value: str) -> date | None:
        if pattern.fullmatch(value) is None:
            return None
        try:
            found = datetime.strptime(value, time.date).date()  # noqa: DTZ007 (a date has no zone)
        except ValueError:
            return None
        return found if time.earliest <= found <= time.latest else None

    return read


def moment_reader(time: TimeFormat) -> Callable[[str], datetime | None]:
    """What reads a timestamp as declared, or says that it cannot be read."""
    pattern = re.compile(
        ISO_TIMESTAMP if time.timestamp is None else format_pattern(time.timestamp)
    )
    zone = ZoneInfo(time.time_zone)

    def read(value: str) -> datetime | None:
        if pattern.fullmatch(value) is None:
            return None
        try:
            found = (
                datetime.fromisoformat(value)
                if time.timestamp is None
                else datetime.strptime(value, time.timestamp)  # noqa: DTZ007 (zone below)
            )
        except ValueError:
            return None
        if not MINYEAR < found.year < MAXYEAR:
            # No plausible moment, and on another clock its date may be none at all.
            return None
        meant = found if found.tzinfo is not None else _on_clock(found, zone, time)
        if meant is None:
            return None
        utc = meant.astimezone(UTC)
        is_plausible = time.moments_from <= utc.replace(tzinfo=None) < time.moments_before
        return utc if is_plausible else None

    return read


def _on_clock(local: datetime, zone: ZoneInfo, time: TimeFormat) -> datetime | None:
    """The moment at which a clock of the zone showed this time, by the declared rule."""
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if before.utcoffset() == after.utcoffset():
        return before
    was_shown = before.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
    if not was_shown:
        return before if time.on_gap == "shift" else None
    return {"quarantine": None, "earlier": before, "later": after}[time.on_overlap]
