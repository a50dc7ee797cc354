"""What was delivered and is not landed yet, as the runs that would land it.

Compares deliveries with the ledger. When to look is `orchestration.defs.automation`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration.components.calendar import range_tags
from orchestration.components.source import open_landing
from orchestration.landing.ledger import Ledger
from orchestration.settings import Settings
from orchestration.sources.config import load_sources
from orchestration.sources.files import SourceError


@dataclass(frozen=True)
class NewDelivery:
    """One run to ask for. The key is a hash of what was delivered."""

    run_key: str
    tags: dict[str, str]


def new_deliveries(settings: Settings, ledger: Ledger, now: datetime) -> list[NewDelivery]:
    """One run per unbroken range of new days; one without days for new snapshots alone.

    A day is new once it is over at `now` in the zone of its source.
    """
    days: dict[date, list[str]] = {}
    snapshots: list[str] = []
    for source in load_sources(settings.sources_dir, settings.enabled_sources):
        for entity in source.entities:
            landing = open_landing(settings, ledger, source, entity, run_id="", now=now)
            try:
                waiting = landing.pending()
            except SourceError:
                # That entity's own landing says what is wrong; the others go on.
                continue
            for partition, fingerprint in waiting:
                name = f"{source.source}/{entity.name}/{partition}/{fingerprint}"
                if entity.partitioned:
                    days.setdefault(date.fromisoformat(partition), []).append(name)
                else:
                    snapshots.append(name)
    if snapshots and not days:
        return [NewDelivery(_key(snapshots), {})]
    return [
        NewDelivery(
            _key([name for day in span for name in days[day]] + snapshots),
            range_tags(span[0], span[-1]),
        )
        for span in _spans(sorted(days))
    ]


def _spans(days: Sequence[date]) -> list[list[date]]:
    spans: list[list[date]] = []
    for day in days:
        if spans and day - spans[-1][-1] == timedelta(days=1):
            spans[-1].append(day)
        else:
            spans.append([day])
    return spans


def _key(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:32]
