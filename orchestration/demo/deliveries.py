"""Write what sources deliver, day by day, with everything that happens to deliveries.

Layout below the output folder:
`history/<source>/<entity>.<ext>`: all days before the first daily delivery, or the first
snapshot; `deliveries/<date of delivery>/<source>/<entity>/<business date or snapshot>.<ext>`:
what arrived that morning, restatements, corrections and repeats included, each with a manifest
beside it. `hand_over` plays mornings into an inbox as `orchestration.sources` finds it. Rows
come from `channels`.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from orchestration.demo import incidents as planted
from orchestration.demo.calendar_days import Days
from orchestration.demo.columns import Rows, only
from orchestration.demo.feeds import Feed
from orchestration.demo.formats import FileWriter, OpenFiles, WrittenFile, open_writer
from orchestration.demo.incidents import Incident, Incidents
from orchestration.demo.random_numbers import Streams
from orchestration.demo.robots import with_robots
from orchestration.demo.sizes import Size

SNAPSHOT = "snapshot"
HISTORY = "history"
_MANIFEST = ".manifest.json"
_NULL_SPIKE_PPM = 300_000


@dataclass(frozen=True)
class Version:
    """What arrives for one business date on one morning."""

    delivered_day: int
    rows: Rows
    why: str


@dataclass(frozen=True)
class Delivered:
    """One file that was delivered."""

    delivered_on: date | None
    """None for the history that is there from the start."""
    source: str
    entity: str
    partition: str
    why: str
    path: Path
    """Below the output folder."""
    file: WrittenFile


@dataclass
class FeedTotals:
    """What a feed wrote."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    cpu_seconds: float = 0.0
    events: int = 0
    """Rows of daily feeds, each counted once however often it was delivered."""


@dataclass
class _FeedState:
    writer: FileWriter | None = None
    template: Rows | None = None
    days: set[int] = field(default_factory=set)


class DeliveryWriter(OpenFiles):
    """Takes rows of feeds, block by block, and writes their files."""

    def __init__(
        self, output: Path, size: Size, days: Days, incidents: Incidents, streams: Streams
    ) -> None:
        super().__init__()
        self._output = output
        self._size = size
        self._days = days
        self._incidents = incidents
        self._streams = streams
        self._states: dict[Feed, _FeedState] = {}
        self.delivered: list[Delivered] = []
        self.totals: dict[Feed, FeedTotals] = {}

    def accept(self, feed: Feed, rows: Rows) -> None:
        """Write a block: whole days in order, or one snapshot."""
        begun = time.process_time()
        state = self._states.setdefault(feed, _FeedState())
        if state.template is None:
            state.template = rows.slice(0, 0)
        if feed.is_daily:
            self.totals.setdefault(feed, FeedTotals()).events += len(rows)
            self._accept_days(feed, rows, state)
        else:
            self._accept_snapshot(feed, rows)
        self.spend(feed, time.process_time() - begun)

    def spend(self, feed: Feed, cpu_seconds: float) -> None:
        """Book time on a feed."""
        self.totals.setdefault(feed, FeedTotals()).cpu_seconds += cpu_seconds

    def _accept_days(self, feed: Feed, rows: Rows, state: _FeedState) -> None:
        first = self._size.daily_from
        split = int(np.searchsorted(rows.day, first))
        if split or (state.writer is None and first > 0):
            if state.writer is None:
                state.writer = self._open.enter_context(
                    open_writer(self._output / _history_path(feed), feed.dialect)
                )
            state.writer.write(rows.slice(0, split))
        if split == len(rows):
            return
        for day in range(int(rows.day[split]), int(rows.day[-1]) + 1):
            start, stop = np.searchsorted(rows.day, [day, day + 1])
            self._deliver_day(feed, day, rows.slice(int(start), int(stop)))
            state.days.add(day)

    def _deliver_day(self, feed: Feed, day: int, rows: Rows) -> None:
        for version in self._versions(feed, day, rows):
            self._deliver(feed, version, self._days.date_of(day).isoformat())

    def _accept_snapshot(self, feed: Feed, rows: Rows) -> None:
        if rows.as_of is None:
            raise ValueError(
                f"{feed.source}/{feed.entity}: a snapshot says no day; nothing was written of it; "
                "make its rows with Rows.of_snapshot"
            )
        if rows.as_of < self._size.daily_from:
            path = _history_path(feed)
            with open_writer(self._output / path, feed.dialect) as writer:
                writer.write(rows)
            self._record(feed, None, SNAPSHOT, HISTORY, path, writer.result())
        else:
            self._deliver(feed, Version(rows.as_of + 1, rows, SNAPSHOT), SNAPSHOT)

    def _deliver(self, feed: Feed, version: Version, partition: str) -> None:
        morning = self._days.date_of(version.delivered_day)
        path = Path("deliveries", morning.isoformat(), feed.source, feed.entity)
        path = path / f"{partition}.{feed.dialect.extension}"
        with open_writer(self._output / path, feed.dialect) as writer:
            writer.write(version.rows)
        written = writer.result()
        _write_manifest(self._output / path, partition, version.delivered_day, written)
        self._record(feed, morning, partition, version.why, path, written)

    def _record(
        self,
        feed: Feed,
        morning: date | None,
        partition: str,
        why: str,
        path: Path,
        file: WrittenFile,
    ) -> None:
        self.delivered.append(
            Delivered(morning, feed.source, feed.entity, partition, why, path, file)
        )
        totals = self.totals.setdefault(feed, FeedTotals())
        totals.files += 1
        totals.rows += file.rows
        totals.bytes += file.bytes

    def _finish(self) -> None:
        """Close histories; a day without rows is delivered as an empty file."""
        self._open.close()
        for feed, state in self._states.items():
            if state.writer is not None:
                self._record(
                    feed, None, HISTORY, HISTORY, _history_path(feed), state.writer.result()
                )
            if feed.is_daily and state.template is not None:
                for day in range(self._size.daily_from, self._size.day_count):
                    if day not in state.days:
                        self._deliver_day(feed, day, state.template)

    def _versions(self, feed: Feed, day: int, rows: Rows) -> Iterator[Version]:
        """Everything that arrives for one day: first, restated, wrong, corrected, repeated."""
        incident = self._incidents.of_file(feed.source, feed.entity, day)
        late_by = int(incident is not None and incident.kind == planted.DAY_LATE)
        morning = day + 1 + late_by
        first = rows if rows.lateness is None else rows.where(rows.lateness <= 0)
        if incident is not None and incident.kind == planted.VOLUME_SPIKE:
            rows = with_robots(rows, self._streams.seed)
            first = rows
        why = "first" if incident is None else incident.kind
        yield Version(morning, self._spoiled(first, incident), why)
        for after in feed.restated_after:
            seen = rows if rows.lateness is None else rows.where(rows.lateness <= after)
            yield Version(morning + after, seen, "restated")
        if incident is None or feed.restated_after:
            return
        if incident.kind == planted.FILE_TWICE:
            yield Version(morning + 1, rows, "repeated")
        if incident.kind in (planted.RENAMED_COLUMN, planted.HALF_DAY, planted.NULL_SPIKE):
            yield Version(morning + 1, rows, "corrected")

    def _spoiled(self, rows: Rows, incident: Incident | None) -> Rows:
        """The rows as the bad file has them."""
        if incident is None:
            return rows
        if incident.kind == planted.HALF_DAY:
            return rows.slice(0, len(rows) // 2)
        if incident.kind == planted.RENAMED_COLUMN:
            renamed = {
                f"variant_{name}" if name == incident.column else name: column
                for name, column in rows.columns.items()
            }
            return Rows(renamed, rows.day, rows.json)
        if incident.kind == planted.NULL_SPIKE:
            stream = self._streams.named(f"incidents/{incident.kind}")
            kept = ~stream.chance(_NULL_SPIKE_PPM, len(rows))
            return rows.with_columns({incident.column: only(rows.columns[incident.column], kept)})
        return rows


def _history_path(feed: Feed) -> Path:
    return Path("history", feed.source, f"{feed.entity}.{feed.dialect.extension}")


def _write_manifest(path: Path, partition: str, version: int, file: WrittenFile) -> None:
    """Say beside a delivered file that it is whole, and which version of its partition it is."""
    told = {
        "version": version,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "records": file.rows,
    }
    path.with_name(f"{partition}{_MANIFEST}").write_text(json.dumps(told) + "\n", "utf-8")


def hand_over(output: Path, inbox: Path, until: date | None = None) -> int:
    """Play the mornings up to `until` into an inbox; later files replace earlier ones.

    Each file appears whole, by a rename. Returns how many were handed over, manifests left out.
    """
    count = 0
    for morning in sorted((output / "deliveries").iterdir()):
        if until is not None and date.fromisoformat(morning.name) > until:
            break
        # A manifest says that its file is whole, so it comes after it.
        files = (file for file in morning.rglob("*") if file.is_file())
        for path in sorted(files, key=lambda file: (file.name.endswith(_MANIFEST), file)):
            target = inbox / path.relative_to(morning)
            target.parent.mkdir(parents=True, exist_ok=True)
            arriving = target.with_name(f".{target.name}.part")
            shutil.copyfile(path, arriving)
            arriving.replace(target)
            count += not path.name.endswith(_MANIFEST)
    return count
