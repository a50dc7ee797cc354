"""Land what was delivered for some partitions of one entity: write, audit, publish.

A text is made readable first (`readable`). A candidate batch is written aside with its bad
rows split off, judged, and promoted by one rename; until then readers see the last good
batch. A batch that fails goes to quarantine whole. A range is judged in one pass and, only
where that fails, partition by partition. Finding files belongs to `orchestration.sources`,
the verdict to the judge that the caller hands in.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.disk_space import needed_to_land, require_space
from orchestration.failpoints import Place, reach
from orchestration.file_lock import hold_file
from orchestration.landing.contract import Column, EntityContract, IdentifierBy, engine_type
from orchestration.landing.counted_days import CountedDays, Days
from orchestration.landing.empty_files import write_empty_file
from orchestration.landing.identifier_rules import RULE_VERSION
from orchestration.landing.identifiers import (
    Identifier,
    keep_in_vault,
    key_id,
    tokenise,
)
from orchestration.landing.ledger import Batch, CheckRecord, Ledger, Waiver
from orchestration.landing.readable import Readable, expanded_bytes, left_out, make_readable
from orchestration.landing.serving import COULD_NOT_RUN
from orchestration.landing.stored_files import DamagedFile, damaged_files, digest_of
from orchestration.landing.text_days import count_text_dates, count_text_days
from orchestration.landing.text_values import typed_text
from orchestration.quiet_duckdb import open_duckdb
from orchestration.settings import Settings
from orchestration.sources.config import EntityConfig, SourceConfig
from orchestration.sources.files import (
    SNAPSHOT,
    UNDATED,
    DeliveredFile,
    FileReader,
    SourceError,
    identity_of,
)
from orchestration.sources.formats import OWN_COLUMNS, ParquetFormat, TextFormat
from orchestration.sources.names import shown
from orchestration.sources.text_files.faults import TextFileError
from orchestration.sources.text_files.reading import column_values

_DAYS_AT_ONCE = 100
"""Files of single days that are read, judged and promoted together."""

_JUDGED = "judged"
_JUDGED_BY_DAY = "judged_by_day"


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a candidate: passed, failed or could_not_run, and why."""

    outcome: str
    message: str
    checks: tuple[CheckRecord, ...] = ()
    failing_days: tuple[str, ...] = ()
    """Days of a range that break it alone; a range may fail without any."""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


@dataclass(frozen=True)
class Judged:
    """What a judge is given: a table or view of a DuckDB file that nobody else has open."""

    database: Path
    table: str
    delivered: tuple[Path, ...]
    """The files that a view may read."""
    by_day: str | None = None
    """The same rows with their `_business_date`, where days are judged."""
    days: tuple[str, ...] = ()
    """The judged days, those without rows included."""


Judge = Callable[[Judged], Verdict]


@dataclass(frozen=True)
class PartitionReport:
    """What became of one partition's delivery."""

    partition: str
    outcome: str
    """`accepted`, `unchanged`, `refused`, or `waived`: refused, and waived before."""
    batch_id: str
    physical_rows: int
    landed_rows: int
    quarantined_rows: int
    reason: str | None = None
    quarantine_reasons: tuple[tuple[str, int], ...] = ()
    unusable_identifiers: int = 0
    """Values of landed rows that cannot be the identifier they stand for; the rows have none."""


@dataclass(frozen=True)
class LandingReport:
    """What became of one entity in one run."""

    source: str
    entity: str
    partitions: tuple[PartitionReport, ...]
    verdict: Verdict | None
    """The verdict on what was judged last; None when nothing new was delivered."""
    warnings: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[PartitionReport, ...]:
        return tuple(item for item in self.partitions if item.outcome == "refused")

    def total(self, attribute: str) -> int:
        """Sum of a count over the partitions."""
        return sum(int(getattr(item, attribute)) for item in self.partitions)


@dataclass
class Landing:
    """Lands one entity of one source. Holds no open file between calls."""

    settings: Settings
    ledger: Ledger
    source: SourceConfig
    entity: EntityConfig
    contract: EntityContract
    reader: FileReader
    judge: Judge
    run_id: str
    now: datetime
    """The moment of asking, with its zone: what tells which days are over."""
    lock_wait_seconds: float = 600.0
    """How long another landing of this entity may go on before this one gives up."""
    still_ours: Callable[[], None] = field(default=lambda: None)
    """Called before anything becomes visible; raises when the run was ended meanwhile."""
    _days_of_texts: dict[tuple[int, ...], dict[date | None, int]] = field(
        default_factory=dict, init=False
    )

    @property
    def folder(self) -> Path:
        return self.settings.landing_dir / self.source.source / self.entity.name

    @property
    def _name(self) -> str:
        return f"{self.source.source}/{self.entity.name}"

    @property
    def _scratch_prefix(self) -> str:
        return f"{self._name.replace('/', '-')}-"

    # -- the phases -------------------------------------------------------------------

    def land(self, days: Sequence[date] | None = None) -> LandingReport:
        """Land the newest delivery of the given business dates (all new ones by default).

        Idempotent: content that landing already serves for its partition is recorded as
        delivered and changes nothing. A day that is not over in the source's zone waits,
        whoever asks for it. Raises SourceError when a file cannot be found out about, and
        BusyError while another process lands this entity; bad content never raises, it is
        refused.
        """
        lock = self.settings.home / "locks" / f"{self._scratch_prefix}landing.lock"
        with hold_file(lock, f"run {self.run_id}", self.lock_wait_seconds):
            reach(Place.LANDING_BEGUN)
            self._sweep_scratch()
            return self._land(days)

    def _sweep_scratch(self) -> None:
        """Remove what a killed run left: it holds raw identifiers."""
        for left in self.settings.scratch_dir.glob(f"{self._scratch_prefix}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _land(self, days: Sequence[date] | None) -> LandingReport:
        self.recover()
        reach(Place.LANDING_RECOVERED)
        write_empty_file(self.folder, self.contract, partitioned=self.entity.partitioned)
        if not self.entity.partitioned:
            file = self.reader.snapshot_file()
            landed = self._land_files([(file, [SNAPSHOT])]) if file else []
            return self._report([*landed, ([], None, list(self.reader.waiting()))])
        last = self.last_day()
        asked = None if days is None else {*days, *self._lost_days()}
        wanted = self.days() if asked is None else sorted(day for day in asked if day <= last)
        base = self.reader.base_file()
        dropped = {
            str(file.partition): file
            for file in self.reader.inbox_files()
            if file.partition != SNAPSHOT
        }
        parts: list[_Landed] = []
        base_days = [day for day in wanted if day.isoformat() not in dropped]
        if base is not None and base_days:
            parts += self._land_files([(base, [day.isoformat() for day in base_days])])
        days_dropped = [day.isoformat() for day in wanted if day.isoformat() in dropped]
        for start in range(0, len(days_dropped), _DAYS_AT_ONCE):
            names = days_dropped[start : start + _DAYS_AT_ONCE]
            parts += self._land_files([(dropped[name], [name]) for name in names])
        return self._report([*parts, ([], None, list(self.reader.waiting()))])

    def days(self) -> list[date]:
        """Business dates inside the project's calendar for which something was delivered.

        A day without rows between two that have some counts: it is legitimately empty.
        """
        found = {
            date.fromisoformat(str(file.partition))
            for file in self.reader.inbox_files()
            if file.partition != SNAPSHOT
        }
        base = self.reader.base_file()
        if base is not None:
            counts = self._days_of(base)
            known = sorted(day for day in counts if day is not None)
            if known:
                span = (known[-1] - known[0]).days
                found |= {date.fromordinal(known[0].toordinal() + step) for step in range(span + 1)}
        first, last = self.settings.first_day, self.last_day()
        return sorted(day for day in found if first <= day <= last)

    def _lost_days(self) -> set[date]:
        """Days that landing served once and lost: they are landed again, whoever asks."""
        lost = self.ledger.lost_partitions(self.source.source, self.entity.name)
        return {date.fromisoformat(name) for name in lost if name != UNDATED}

    def last_day(self) -> date:
        """The newest business date that may land: the calendar's last, once it is over.

        The source's own zone decides that a day is over: at midnight UTC its stores may
        be open, and half a day would land as a whole one.
        """
        over = self.now.astimezone(ZoneInfo(self.source.time_zone)).date() - timedelta(days=1)
        return over if self.settings.last_day is None else min(self.settings.last_day, over)

    def _days_of(self, base: DeliveredFile) -> dict[date | None, int]:
        """Days of the base file; of one that cannot say them, those that it put at stake."""
        counts = self._counted(base.path)
        if counts is not None:
            return counts
        served = [name for name in self._memory()[0] if name != UNDATED]
        return dict.fromkeys(map(date.fromisoformat, served), 0) or {self.settings.first_day: 0}

    def _counted(self, path: Path) -> Days | None:
        """Rows by day, of a text as it was counted last while it is the same file."""
        declared = self.entity.format
        kept = CountedDays(self.settings.home / "counted_days" / f"{self._scratch_prefix}days.json")
        dated = f"{self.entity.event_column}|{self.entity.date_column}"
        asked = (declared.model_dump_json(), self.source.time_zone, dated)
        columns = (column.name for column in self.contract.columns)
        try:
            key = _digest(str(path), str(identity_of(path)), *asked, *columns)
            if not isinstance(declared, ParquetFormat):
                with suppress(KeyError):
                    return kept.recall(key)
            counts = self.count_days(path)
        except OSError:
            return None
        except (pa.ArrowException, KeyError, TextFileError):
            counts = None
        if not isinstance(declared, ParquetFormat):
            kept.keep(key, counts)
        return counts

    def pending(self) -> list[tuple[str, str]]:
        """(partition, fingerprint) of each delivery that landing has not settled yet.

        New content, or content that a changed contract has to judge again.
        """
        current, seen = self._memory()
        superseded = self._superseded()
        waivers = self.ledger.waivers(self.source.source, self.entity.name)
        base = self.reader.base_file()
        if not self.entity.partitioned:
            file = self.reader.snapshot_file()
            offers = [] if file is None else [(SNAPSHOT, file.sha256(), file.partition is None)]
        else:
            dropped = {str(file.partition): file.sha256() for file in self.reader.inbox_files()}
            common = base.sha256() if base is not None else ""
            names = [day.isoformat() for day in self.days()]
            offers = [(name, dropped.get(name, common), name not in dropped) for name in names]
        return [
            (name, fingerprint)
            for name, fingerprint, from_base in offers
            if not self._is_known(name, fingerprint, current, seen, from_base=from_base)
            and not self._is_waived(waivers.get(name), fingerprint)
            and (name, fingerprint) not in superseded
        ]

    def _superseded(self) -> frozenset[tuple[str, str]]:
        """(partition, fingerprint) of accepted deliveries that a higher version took the place of.

        One that lies in the inbox again is nothing new. Where only arrival tells versions apart,
        it is the newest.
        """
        if self.entity.version == "arrival":
            return frozenset()
        return frozenset(
            (batch.partition_key, batch.delivery_fingerprint)
            for batch in self.ledger.accepted(self.source.source, self.entity.name)
            if batch.contract_fingerprint == self.contract_fingerprint
        )

    def recover(self) -> None:
        """Finish or forget what a killed run left, and take back what is not whole.

        The partition of a damaged file is served by nobody until its source delivers it
        again; where the source still offers it, this landing takes it from there.
        """
        finished = []
        found: dict[Path, str] = {}
        digests = self.ledger.file_digests(self.source.source, self.entity.name)
        for batch in self.ledger.candidates(self.source.source, self.entity.name):
            path = self.settings.home / str(batch.file)
            if path not in found and path.is_file():
                found[path] = digest_of(path)
            if batch.batch_id in digests and found.get(path) == digests[batch.batch_id]:
                finished.append(batch)
            else:
                path.unlink(missing_ok=True)
                self.ledger.forget_candidate(batch.batch_id)
        if finished:
            reasons = {
                batch.batch_id: _stored_reasons(self.quarantine_folder(batch)) for batch in finished
            }
            self.ledger.accept(finished, reasons)
        name = (self.source.source, self.entity.name)
        for damaged in damaged_files(self.settings.home, self.ledger, [name]):
            self._take_back(damaged)

    def _take_back(self, damaged: DamagedFile) -> None:
        batch = damaged.batch
        path = self.settings.home / str(batch.file)
        folder = self.quarantine_folder(batch)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.is_file():
            path.replace(folder / "damaged.parquet")
        served = self.ledger.current(batch.source_key, batch.entity).get(batch.partition_key)
        self.ledger.condemn(
            batch,
            f"the landed file {damaged.problem}",
            is_served=served is not None and served.batch_id == batch.batch_id,
        )

    # -- one delivered file -----------------------------------------------------------

    def _land_files(self, offered: Sequence[tuple[DeliveredFile, list[str]]]) -> list["_Landed"]:
        """Land files and the partitions that each is asked for, alike ones in one pass."""
        current, seen = self._memory()
        superseded = self._superseded()
        refused = self.refused_partitions()
        waivers = self.ledger.waivers(self.source.source, self.entity.name)
        settled: list[PartitionReport] = []
        fresh = []
        for file, partitions in offered:
            delivery = _Delivery(file, identity_of(file.path), file.sha256(), partitions)
            known = {
                name
                for name in partitions
                if (
                    self._is_known(
                        name, delivery.fingerprint, current, seen, from_base=delivery.from_base
                    )
                    or (name, delivery.fingerprint) in superseded
                )
                # What takes the place of a refused batch is judged, although it is served
                # already.
                and not (
                    name in refused and current[name].delivery_fingerprint == delivery.fingerprint
                )
            }
            waived = {
                name
                for name in partitions
                if self._is_waived(waivers.get(name), delivery.fingerprint)
            }
            settled += [_waived(waivers[name]) for name in partitions if name in waived]
            settled += [
                _unchanged(current[name])
                for name in partitions
                if name in known and name in current
            ]
            self._repeat(delivery, known & current.keys(), current)
            wanted = [
                name
                for name in partitions
                if name not in waived and (name not in known or name not in current)
            ]
            if wanted:
                fresh.append(replace(delivery, partitions=wanted))
        landed: list[_Landed] = [(settled, None, [])]
        if not fresh:
            return landed
        self.settings.scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        require_space(
            self.settings.home,
            needed_to_land(sum(expanded_bytes(one.file.path, self.entity.format) for one in fresh)),
            task=f"landing of {self._name}",
            kept="Nothing of it was landed and the last published version stays served",
            then="run again: `shopthread run`",
        )
        with self._scratch() as scratch:
            with open_duckdb() as looking:
                opened = [
                    _open(self, delivery, scratch / f"read-{number}", looking)
                    for number, delivery in enumerate(fresh)
                ]
            for number, alike in enumerate(_alike(opened)):
                folder = scratch / f"candidate-{number}"
                folder.mkdir(mode=0o700)
                landed.append(_Candidate(self, alike, folder).settle(current))
        return landed

    def _repeat(self, delivery: "_Delivery", known: set[str], current: dict[str, Batch]) -> None:
        """Record as delivered again what landing serves of a delivery."""
        self.ledger.repeat(
            [
                replace(
                    current[name],
                    delivery_fingerprint=delivery.fingerprint,
                    run_id=self.run_id,
                    is_from_base=delivery.from_base,
                    version=delivery.manifest_version,
                )
                for name in delivery.partitions
                if name in known and current[name].delivery_fingerprint == delivery.fingerprint
            ]
        )

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder of its own, for this process's eyes and for no longer than needed."""
        self.settings.scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = self.settings.scratch_dir / f"{self._scratch_prefix}{uuid.uuid4().hex}"
        scratch.mkdir(mode=0o700)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def readable(self, path: Path, scratch: Path) -> Readable:
        """The delivered file as one that the engine reads; a text is read into `scratch`."""
        return make_readable(path, self.entity.format, self.contract, scratch)

    def refused_partitions(self) -> frozenset[str]:
        """Partitions whose newest delivery was refused and not replaced."""
        refusals = self.ledger.open_refusals(self.source.source, self.entity.name)
        return frozenset(item.partition_key for item in refusals)

    def _memory(self) -> tuple[dict[str, Batch], dict[str, str]]:
        source, entity = self.source.source, self.entity.name
        return (
            self.ledger.current(source, entity),
            self.ledger.base_fingerprints(source, entity),
        )

    def _is_known(
        self,
        partition: str,
        fingerprint: str,
        current: dict[str, Batch],
        seen: dict[str, str],
        *,
        from_base: bool,
    ) -> bool:
        served = current.get(partition)
        if served is None:
            return False
        if served.delivery_fingerprint == fingerprint:
            return served.contract_fingerprint == self.contract_fingerprint
        # A base file does not come again because a later delivery took its place.
        return from_base and seen.get(partition) == fingerprint

    def _is_waived(self, waiver: Waiver | None, fingerprint: str) -> bool:
        """Whether a delivery is the one that was waived; another contract judges it again."""
        return (
            waiver is not None
            and waiver.delivery_fingerprint == fingerprint
            and waiver.contract_fingerprint == self.contract_fingerprint
        )

    @property
    def contract_fingerprint(self) -> str:
        """What judged a batch: another one judges the same content again."""
        return _digest(self.contract.suite_fingerprint, self.shape_fingerprint)

    @property
    def shape_fingerprint(self) -> str:
        """What shapes landed rows: another one lands the same content again."""
        key = self.settings.identity_key.get_secret_value()
        rules = [f"{rule.reason}:{rule.predicate}" for rule in self.contract.row_rules]
        declared = self.entity.format
        dialect = [] if isinstance(declared, ParquetFormat) else [declared.fingerprint]
        parts = (self.contract.schema_fingerprint, key_id(key), RULE_VERSION, *rules, *dialect)
        return _digest(*parts)

    def count_days(self, path: Path) -> dict[date | None, int]:
        """Rows by local business date, counted by another engine than the one that lands."""
        if not isinstance(self.entity.format, ParquetFormat):
            return self._count_text_days(path, self.entity.format)
        column = pq.read_table(path, columns=[self.entity.dated_by]).column(0)
        if self.entity.date_column is not None:
            local = column.cast(pa.date32())
        else:
            zoned = pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC").cast(
                pa.timestamp("us", tz=self.source.time_zone)
            )
            local = pc.local_timestamp(zoned).cast(pa.date32())
        return {item["values"]: int(item["counts"]) for item in pc.value_counts(local).to_pylist()}

    def _count_text_days(self, path: Path, dialect: TextFormat) -> dict[date | None, int]:
        """As `count_days`; a text is counted once for as long as it stays the same file."""
        identity = identity_of(path)
        if identity not in self._days_of_texts:
            column = self.entity.dated_by
            wanted = [item.name for item in self.contract.columns]
            written = column_values(path, dialect, wanted, column)
            time = dialect.time_format(column)
            self._days_of_texts[identity] = (
                count_text_dates(written, time)
                if self.entity.date_column is not None
                else count_text_days(written, time, self.source.time_zone)
            )
        return self._days_of_texts[identity]

    def quarantine_folder(self, batch: Batch) -> Path:
        """Where the bad rows of a batch, or all of a refused one, are kept."""
        return (
            self.settings.quarantine_dir
            / batch.source_key
            / batch.entity
            / batch.partition_key
            / batch.batch_id
        )

    def _report(self, parts: Iterable["_Landed"]) -> LandingReport:
        reports: list[PartitionReport] = []
        verdict: Verdict | None = None
        warnings: list[str] = []
        for items, judged, notes in parts:
            reports += items
            warnings += notes
            if judged is not None and (verdict is None or verdict.passed):
                verdict = judged
        return LandingReport(
            self.source.source,
            self.entity.name,
            tuple(sorted(reports, key=lambda item: item.partition)),
            verdict,
            tuple(warnings),
        )


_Landed = tuple[list[PartitionReport], Verdict | None, list[str]]
"""What became of the partitions, the verdict on them, and warnings."""


@dataclass(frozen=True)
class _Delivery:
    """A delivered file, and the partitions of it that are wanted."""

    file: DeliveredFile
    identity: tuple[int, ...]
    """Of the file when its hash was taken: another one must not land under that hash."""
    fingerprint: str
    partitions: list[str]

    @property
    def from_base(self) -> bool:
        return self.file.partition is None

    @property
    def manifest_version(self) -> str | None:
        """Of the file's manifest, in a form that sorts as text."""
        manifest = self.file.manifest
        return None if manifest is None else f"{manifest.version:018d}"


@dataclass(frozen=True)
class _Opened:
    """A delivery made readable, or what is wrong with its shape."""

    delivery: _Delivery
    read: Readable | None
    columns: dict[str, str] = field(default_factory=dict)
    """Delivered column -> the engine's type."""
    problem: str | None = None
    warnings: tuple[str, ...] = ()


def _open(
    landing: Landing, delivery: _Delivery, scratch: Path, looking: duckdb.DuckDBPyConnection
) -> _Opened:
    """Make a delivery readable and compare its columns with the contract.

    `looking` is a connection in memory: opening one takes longer than a day's file does.
    """
    scratch.mkdir(mode=0o700)
    read: Readable | None = None
    try:
        read = landing.readable(delivery.file.path, scratch)
        columns = dict(
            looking.execute(
                "select column_name, column_type from"
                f" (describe select * from read_parquet({_text(read.path)}))"
            ).fetchall()
        )
    except TextFileError as error:
        return _Opened(delivery, read, problem=f"unreadable file ({error})")
    except (duckdb.Error, pa.ArrowException) as error:
        # The engine's own text may quote a row: name the kind of failure only.
        return _Opened(delivery, read, problem=f"unreadable file ({type(error).__name__})")
    if read.dialect is not None:
        columns = {name: columns[name] for name in columns if name not in OWN_COLUMNS}
    if read.records != read.rows:
        return _Opened(
            delivery,
            read,
            problem=(
                f"accounting: {read.rows:,} records were read and {read.records:,} counted"
                " another way, so nobody knows where they end"
            ),
        )
    if read.rows == 0 and not landing.entity.may_be_empty:
        return _Opened(
            delivery,
            read,
            problem=(
                "the text is whole and holds no records; where that is meant, declare "
                "`may_be_empty: true` in its format"
            ),
        )
    wanted = {column.name for column in landing.contract.columns}
    missing = sorted((wanted - columns.keys()) | read.never_delivered)
    unexpected = sorted((columns.keys() - wanted) | read.unknown_keys)
    if missing:
        text = f"missing column {', '.join(missing)}"
        if unexpected:
            text += f" (delivered instead: {shown(unexpected)})"
        return _Opened(delivery, read, columns, text)
    warnings = tuple(left_out(columns.keys() - wanted, read.unknown_keys))
    return _Opened(delivery, read, columns, None, warnings)


def _alike(opened: Sequence[_Opened]) -> list[list[_Opened]]:
    """Deliveries that can be read as one table together; each one that cannot alone."""
    groups: dict[object, list[_Opened]] = {}
    for number, one in enumerate(opened):
        alone = one.problem is not None or one.delivery.from_base
        shape = number if alone else (tuple(sorted(one.columns.items())), one.warnings)
        groups.setdefault(shape, []).append(one)
    return list(groups.values())


@dataclass
class _Candidate:
    """Deliveries of one shape on their way: everything here lies in their scratch folder."""

    landing: Landing
    opened: list[_Opened]
    scratch: Path
    found: dict[str, tuple[Identifier, ...]] = field(default_factory=dict)
    """Column -> what its distinct raw values became; kept only for rows that land."""
    held: dict[str, str | None] = field(default_factory=dict)
    """The files of batches that landing holds already, by batch id."""
    unusable: dict[str, int] = field(default_factory=dict)
    """Partition -> values of its good rows that cannot be the identifier they stand for."""

    @property
    def _database(self) -> Path:
        return self.scratch / "candidate.duckdb"

    @contextmanager
    def _engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The candidate's own DuckDB file, which spills beside it."""
        memory = self.landing.settings.engine_memory
        with open_duckdb(self._database, memory_limit=memory) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    @property
    def _contract(self) -> EntityContract:
        return self.landing.contract

    @property
    def _partitioned(self) -> bool:
        return self.landing.entity.partitioned

    @property
    def _partitions(self) -> list[str]:
        return [name for one in self.opened for name in one.delivery.partitions]

    @property
    def _from_base(self) -> bool:
        """One file that holds all days; a file of one day says which day by its name."""
        return self.opened[0].delivery.from_base

    @property
    def _dialect(self) -> TextFormat | None:
        declared = self.landing.entity.format
        return None if isinstance(declared, ParquetFormat) else declared

    def _of(self, partition: str) -> _Opened:
        """The delivery that a partition came with."""
        if len(self.opened) == 1:
            return self.opened[0]
        return next(one for one in self.opened if partition in one.delivery.partitions)

    def settle(self, current: dict[str, Batch]) -> _Landed:
        warnings = list(self.opened[0].warnings)
        problem = self.opened[0].problem
        if problem is None:
            try:
                with self._engine() as connection:
                    self._shape(connection)
                    physical = self._physical_counts()
                    batches, reasons = self._split(connection, physical)
            except TextFileError as error:
                problem, warnings = f"unreadable file ({error})", []
            except (duckdb.Error, pa.ArrowException) as error:
                # The engine's own text may quote a row: name the kind of failure only.
                problem, warnings = f"unreadable file ({type(error).__name__})", []
        if problem is not None and len(self.opened) > 1:
            return self._settle_alone(current)
        if problem is not None:
            refused = [self._refuse_unread(partition, problem) for partition in self._partitions]
            verdict = Verdict("failed", problem)
            return refused, verdict, warnings
        if self._partitioned and self._from_base and UNDATED not in physical:
            self.landing.ledger.close_refusal(
                self.landing.source.source, self.landing.entity.name, UNDATED
            )
        return self._judge_and_promote(batches, reasons, current, warnings)

    def _settle_alone(self, current: dict[str, Batch]) -> _Landed:
        """One delivery after the other, because one of them cannot be read."""
        reports: list[PartitionReport] = []
        verdicts: list[Verdict] = []
        warnings: list[str] = []
        for number, one in enumerate(self.opened):
            folder = self.scratch / f"alone-{number}"
            folder.mkdir(mode=0o700)
            found, verdict, notes = _Candidate(self.landing, [one], folder).settle(current)
            reports += found
            warnings += notes
            verdicts += [verdict] if verdict is not None else []
        worst = next((item for item in verdicts if not item.passed), None)
        return reports, worst or (verdicts[0] if verdicts else None), warnings

    # -- reading ----------------------------------------------------------------------

    def _shape(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Type the delivered rows and give each bad one its first reason."""
        delivered = self.opened[0].columns
        connection.execute(
            "create view delivered as "
            + " union all by name ".join(
                f"select *, {_delivered_for(one)} as _delivered_for"
                f" from read_parquet({_text(_readable_path(one))}, file_row_number = true)"
                for one in self.opened
            )
        )
        typed = {
            column.name: self._typed(column, delivered[column.name])
            for column in self._contract.columns
        }
        values, reasons = [], []
        for name, (value, found) in typed.items():
            values.append(f'{value} as "{name}"')
            reasons += found
        raw = {
            column.name: self._raw_identifier(column.name, typed[column.name][0])
            for column in self._identifiers
        }
        told_by = {
            column.name: self._raw_identifier(told, typed[told][0])
            for column in self._identifiers
            if isinstance(column.identifier, IdentifierBy)
            for told in (column.identifier.column,)
        }
        self._tokenise(connection, raw, told_by)
        joins = ""
        unusable = ["0"]
        for column in self._identifiers:
            token = f'"tokens_{column.name}".token'
            values.append(f'{token} as "{column.landed_name}"')
            # A row that may have none lands without one: it is no worse than one that has none.
            if column.nullable:
                is_unusable = f"{raw[column.name]} is not null and {token} is null"
                unusable.append(f"case when {is_unusable} then 1 else 0 end")
            else:
                reasons.append((f"unusable_{column.name}", f"{token} is null"))
            joins += (
                f' left join "tokens_{column.name}"'
                f' on "tokens_{column.name}".raw = {raw[column.name]}'
            )
            if column.name in told_by:
                joins += f' and "tokens_{column.name}".kind = {told_by[column.name]}'
        if self._partitioned:
            told = self._business_date({name: value for name, (value, _) in typed.items()})
            values.append(f"{told} as _business_date")
        cases = "".join(f" when {predicate} then '{name}'" for name, predicate in reasons)
        first = f"case{cases} end" if cases else "cast(null as varchar)"
        if self._dialect is not None:
            first = f"coalesce(delivered._structure_reason, {first})"
        # Days are sliced again and again, so they are kept; a snapshot is read once.
        kind = "table" if self._partitioned or self._identifiers else "view"
        connection.execute(
            f"create {kind} typed as select {', '.join(values)}, {first} as _type_reason,"
            f" {' + '.join(unusable)} as _unusable,"
            " delivered._delivered_for, delivered.file_row_number as _row"
            f" from delivered{joins}"
        )
        connection.execute(
            f"create view settled as select *, {self._rule_reason()} as _reason from typed"
        )

    @property
    def _identifiers(self) -> list[Column]:
        return [column for column in self._contract.columns if column.identifier is not None]

    def _typed(self, column: Column, delivered_type: str) -> tuple[str, list[tuple[str, str]]]:
        if self._dialect is None:
            return _typed(column, delivered_type)
        return typed_text(column, self._dialect)

    def _raw_identifier(self, name: str, value: str) -> str:
        """What is tokenised; of a text its typed value, so that `007` is the number 7."""
        delivered = f'delivered."{name}"' if self._dialect is None else value
        return f"cast({delivered} as varchar)"

    def _business_date(self, values: dict[str, str]) -> str:
        """The business date that a row says itself, or that of its moment on the source's clock."""
        name = self.landing.entity.dated_by
        is_date = self.landing.entity.date_column is not None
        kind = "date" if is_date else "timestamp"
        if self._dialect is None or name not in values:
            told = f'try_cast(delivered."{name}" as {kind})'
        else:
            told = f"cast({values[name]} as {kind})"
        if is_date:
            return told
        zone = self.landing.source.time_zone
        return f"cast(timezone('{zone}', timezone('UTC', {told})) as date)"

    def _rule_reason(self) -> str:
        rules = "".join(
            f" when {rule.predicate} then '{rule.reason}'" for rule in self._contract.row_rules
        )
        if self._partitioned and not self._from_base:
            rules += " when _business_date <> cast(_delivered_for as date) then 'outside_partition'"
        return f"case when _type_reason is not null then _type_reason{rules} end"

    def _tokenise(
        self, connection: duckdb.DuckDBPyConnection, raw: dict[str, str], kind: dict[str, str]
    ) -> None:
        """Table `tokens_<column>` of every identifier column: its raw values and their tokens.

        `raw` and `kind` are SQL over `delivered`: the value, and the word that says what it is
        where the contract leaves that to another column. A value under a word that the
        contract does not know has no token.
        """
        key = self.landing.settings.identity_key.get_secret_value()
        for column in self._identifiers:
            value, told = raw[column.name], kind.get(column.name, "cast(null as varchar)")
            distinct = connection.execute(
                f"select distinct {told}, {value} from delivered where {value} is not null"
            ).fetchall()
            found: list[tuple[str | None, Identifier]] = []
            for word, is_a in column.identifier_kinds:
                values = [str(row[1]) for row in distinct if row[0] == word]
                tokens = tokenise(is_a.type, values, key, scope=is_a.scope, region=is_a.region)
                found += [(word, item) for item in tokens]
            self.found[column.name] = tuple(item for _, item in found)
            table = pa.table(
                {
                    "kind": pa.array([word for word, _ in found], pa.string()),
                    "raw": pa.array([item.raw for _, item in found], pa.string()),
                    "token": pa.array([item.token for _, item in found], pa.string()),
                }
            )
            connection.register("_tokens", table)
            connection.execute(f'create table "tokens_{column.name}" as select * from _tokens')
            connection.unregister("_tokens")

    def _physical_counts(self) -> dict[str, int]:
        """Records by partition, counted without the engine that lands them."""
        if not self._partitioned or not self._from_base:
            return {name: _physical_rows(self._of(name)) for name in self._partitions}
        counts = self.landing.count_days(self.opened[0].delivery.file.path)
        physical = {name: counts.get(date.fromisoformat(name), 0) for name in self._partitions}
        if counts.get(None):
            physical[UNDATED] = counts[None]
        return physical

    # -- splitting --------------------------------------------------------------------

    def _partition_of_row(self, table: str = "") -> str:
        if not self._partitioned:
            return f"'{SNAPSHOT}'"
        if not self._from_base:
            return f"{table}_delivered_for"
        return f"coalesce(cast({table}_business_date as varchar), '{UNDATED}')"

    def _split(
        self, connection: duckdb.DuckDBPyConnection, physical: dict[str, int]
    ) -> tuple[list[Batch], dict[str, dict[str, int]]]:
        counts: dict[str, dict[str | None, int]] = {name: {} for name in physical}
        for name, reason, rows, unusable in connection.execute(
            f"select {self._partition_of_row()}, _reason, count(*), sum(_unusable) from settled"
            " group by 1, 2"
        ).fetchall():
            if name in counts:
                counts[name][reason] = int(rows)
                if reason is None:
                    self.unusable[name] = int(unusable)
        hashes = self._content_hashes(connection, list(physical))
        versions = self._versions(connection, list(physical))
        batches, reasons = [], {}
        for name, rows in physical.items():
            found = counts[name]
            landed = found.pop(None, 0)
            bad = {str(reason): number for reason, number in found.items()}
            batch = replace(
                self._batch(name, hashes[name], rows, landed, sum(bad.values())),
                version=versions[name],
            )
            batches.append(batch)
            reasons[batch.batch_id] = bad
        return batches, reasons

    def _content_hashes(
        self, connection: duckdb.DuckDBPyConnection, names: list[str]
    ) -> dict[str, str]:
        """A hash of what was delivered: of the file, or of a day's rows in any order.

        Of a row that could not be read the delivered values count: its typed ones are empty,
        as those of a record that was mended by leaving them out.
        """
        if not self._partitioned:
            return {name: self._of(name).delivery.fingerprint for name in names}
        of_text = self._dialect is not None
        listed = [column.name for column in self._contract.columns]
        columns = ", ".join(_cell(f'"{name}"', exact=of_text) for name in listed)
        own = [name for name in OWN_COLUMNS if name != "_line"] if of_text else []
        delivered = ", ".join(_cell(f'delivered."{name}"', exact=True) for name in listed + own)
        hashes = dict.fromkeys(names, hashlib.sha256(b"").hexdigest())
        for name, digest in connection.execute(
            f"select {self._partition_of_row()}, sha256(string_agg(line, '' order by line)) from"
            f" (select settled.*, md5(concat_ws(chr(31), {columns}, unread)) as line from settled"
            f" left join (select delivered.file_row_number, delivered._delivered_for as _bad_for,"
            f" concat({delivered}) as unread from typed join delivered"
            " on delivered.file_row_number = typed._row"
            " and delivered._delivered_for is not distinct from typed._delivered_for"
            " where typed._type_reason is not null) as bad on bad.file_row_number = settled._row"
            " and bad._bad_for is not distinct from settled._delivered_for) group by 1"
        ).fetchall():
            if name in hashes:
                hashes[name] = digest
        return hashes

    def _versions(
        self, connection: duckdb.DuckDBPyConnection, names: list[str]
    ) -> dict[str, str | None]:
        """What a batch says its version is, in a form that sorts as text."""
        column = self.landing.entity.version_column
        if column is None:
            return {name: self._of(name).delivery.manifest_version for name in names}
        kind = next(item.landed_type for item in self._contract.columns if item.name == column)
        written = {
            "TIMESTAMP": f"strftime(\"{column}\", '%Y-%m-%dT%H:%M:%S.%f')",
            "BIGINT": f"printf('%018d', \"{column}\")",
        }.get(kind, f'cast("{column}" as varchar)')
        versions: dict[str, str | None] = dict.fromkeys(names)
        for name, version in connection.execute(
            f"select {self._partition_of_row()}, max({written}) from settled"
            " where _reason is null group by 1"
        ).fetchall():
            if name in versions:
                versions[name] = version
        return versions

    def _batch(
        self, partition: str, content_hash: str, physical: int, landed: int, quarantined: int
    ) -> Batch:
        source, entity = self.landing.source, self.landing.entity
        batch_id = _digest(
            source.source, entity.name, partition, content_hash, self.landing.shape_fingerprint
        )
        path = self.landing.folder / partition / f"{batch_id}.parquet"
        return Batch(
            batch_id=batch_id,
            source_key=source.source,
            vendor=source.vendor,
            entity=entity.name,
            partition_key=partition,
            content_hash=content_hash,
            version_rule=entity.version_rule,
            verdict="candidate",
            physical_rows=physical,
            landed_rows=landed,
            quarantined_rows=quarantined,
            schema_fingerprint=self._contract.schema_fingerprint,
            contract_fingerprint=self.landing.contract_fingerprint,
            delivery_fingerprint=self._fingerprint_of(partition),
            file=path.relative_to(self.landing.settings.home).as_posix(),
            reason=None,
            data_origin=source.data_origin,
            run_id=self.landing.run_id,
            is_from_base=self._from_base,
        )

    def _fingerprint_of(self, partition: str) -> str:
        """Of the file that a partition came with; rows without a date came with the only one."""
        return self._of(partition).delivery.fingerprint

    # -- judging and promoting --------------------------------------------------------

    def _judge_and_promote(
        self,
        batches: list[Batch],
        reasons: dict[str, dict[str, int]],
        current: dict[str, Batch],
        warnings: list[str],
    ) -> tuple[list[PartitionReport], Verdict | None, list[str]]:
        repeated = [batch for batch in batches if self._is_served(batch, current)]
        fresh = [batch for batch in batches if batch not in repeated]
        reach(Place.LANDING_SPLIT)
        # Without a new verdict the checks would go on telling of the batch that was refused.
        open_before = self.landing.refused_partitions()
        healing = [batch for batch in repeated if batch.partition_key in open_before]
        problems = {batch.batch_id: self._problem(batch) for batch in fresh}
        refused = {
            batch_id: Verdict("failed", problem)
            for batch_id, problem in problems.items()
            if problem is not None
        }
        verdict, closed = self._judge_batches(
            [batch for batch in (*fresh, *healing) if batch.batch_id not in refused]
        )
        refused |= closed
        repeated = [batch for batch in repeated if batch.batch_id not in refused]
        accepted = self._with_files([batch for batch in fresh if batch.batch_id not in refused])
        reach(Place.LANDING_JUDGED)
        self._write(accepted, reasons)
        reach(Place.LANDING_WRITTEN)
        self.landing.still_ours()
        self._assert_same_file()
        self._keep_identifiers(accepted)
        reach(Place.LANDING_IDENTIFIERS_KEPT)
        self._promote(accepted, reasons)
        self.landing.ledger.repeat(repeated)
        reports = [_unchanged(batch) for batch in repeated]
        reports += [
            self._refuse(batch, refused[batch.batch_id], reasons)
            for batch in (*fresh, *healing)
            if batch.batch_id in refused
        ]
        reports += [
            _accepted(batch, reasons[batch.batch_id], self.unusable.get(batch.partition_key, 0))
            for batch in accepted
        ]
        if refused and (verdict is None or verdict.passed):
            verdict = next(iter(refused.values()))
        return reports, verdict, warnings

    def _with_files(self, accepted: list[Batch]) -> list[Batch]:
        """The same batches; days of a month that land together share a file.

        Whoever reads landing opens every file of an entity, so a year of days in files of
        their own is dear for ever; a file of all would be lost as a whole. A batch that landing
        holds already (an older version is served again) keeps its file: its rows must not lie
        in two.
        """
        source, entity = self.landing.source.source, self.landing.entity.name
        self.held = {
            batch.batch_id: batch.file for batch in self.landing.ledger.accepted(source, entity)
        }
        months: dict[str, list[Batch]] = {}
        for batch in accepted:
            if batch.batch_id not in self.held and self._partitioned:
                months.setdefault(batch.partition_key[: len("YYYY-MM")], []).append(batch)
        files = dict(self.held)
        for month, days in months.items():
            if len(days) > 1:
                name = _digest(*(batch.batch_id for batch in days))
                path = self.landing.folder / month / f"{name}.parquet"
                file = path.relative_to(self.landing.settings.home).as_posix()
                files |= {batch.batch_id: file for batch in days}
        return [replace(batch, file=files.get(batch.batch_id, batch.file)) for batch in accepted]

    def _new_files(self, batches: list[Batch]) -> dict[str, list[Batch]]:
        """The files that landing does not hold yet, with their batches, in order."""
        found: dict[str, list[Batch]] = {}
        for batch in batches:
            if batch.batch_id not in self.held:
                found.setdefault(str(batch.file), []).append(batch)
        return found

    def _assert_same_file(self) -> None:
        for one in self.opened:
            path = one.delivery.file.path
            if identity_of(path) != one.delivery.identity:
                raise SourceError(
                    f"{self.landing.source.source}/{self.landing.entity.name}: "
                    f"{path.name} was replaced while it was read; nothing of it was "
                    "landed; run again"
                )

    def _is_served(self, batch: Batch, current: dict[str, Batch]) -> bool:
        """Whether landing serves this very content already, judged by this contract."""
        served = current.get(batch.partition_key)
        return (
            served is not None
            and served.batch_id == batch.batch_id
            and served.contract_fingerprint == batch.contract_fingerprint
        )

    def _judge_batches(self, batches: list[Batch]) -> tuple[Verdict | None, dict[str, Verdict]]:
        """Judge all at once and, only where that fails, one by one.

        Days that the verdict names are judged alone, and the others again at once.
        Returns the verdict on all of them and the refused ones by batch id.
        """
        if not batches:
            return None, {}
        verdict = self._judge([batch.partition_key for batch in batches])
        if verdict.passed:
            return verdict, {}
        if len(batches) == 1:
            return verdict, {batches[0].batch_id: verdict}
        refused = self._judge_alone(
            [batch for batch in batches if batch.partition_key in verdict.failing_days]
        )
        if refused:
            others = [batch for batch in batches if batch.batch_id not in refused]
            return verdict, refused | self._judge_batches(others)[1]
        refused = self._judge_alone(batches)
        # Every day is good on its own and the range is not: nobody is to blame, and the
        # gate stays closed for all of it.
        return verdict, refused or {batch.batch_id: verdict for batch in batches}

    def _judge_alone(self, batches: list[Batch]) -> dict[str, Verdict]:
        """The batches that fail when each is judged alone, by batch id."""
        single = {batch.batch_id: self._judge([batch.partition_key]) for batch in batches}
        return {key: item for key, item in single.items() if not item.passed}

    def _problem(self, batch: Batch) -> str | None:
        """What is wrong with a batch before anybody judges its rows."""
        if batch.partition_key == UNDATED:
            column = self.landing.entity.dated_by
            return f"{batch.physical_rows:,} rows have no {column} and belong to no business date"
        if batch.physical_rows != batch.landed_rows + batch.quarantined_rows:
            return (
                f"accounting: {batch.physical_rows:,} records were delivered but"
                f" {batch.landed_rows:,} + {batch.quarantined_rows:,} were read"
            )
        manifest = self._of(batch.partition_key).delivery.file.manifest
        told = None if manifest is None else manifest.records
        if told is not None and told != batch.physical_rows:
            return (
                f"accounting: its manifest says {told:,} records and the file holds"
                f" {batch.physical_rows:,}"
            )
        share = self._contract.quarantined_share_allowed
        allowed = max(self._contract.quarantined_rows_allowed, share * batch.physical_rows)
        if batch.quarantined_rows and batch.landed_rows == 0:
            return f"all {batch.physical_rows:,} rows are bad"
        if batch.quarantined_rows > allowed:
            return (
                f"{batch.quarantined_rows:,} of {batch.physical_rows:,} rows are bad"
                f" (the contract allows {share:.2%})"
            )
        return None

    def _judge(self, partitions: list[str]) -> Verdict:
        columns = ", ".join(f'"{column.name}"' for column in self._contract.columns)
        source, where, by_day = "settled", "_reason is null", None
        with self._engine() as connection:
            kind = "table" if self._identifiers else "view"
            if self._partitioned:
                kind = "view"
                connection.execute(f"drop view if exists {_JUDGED}")
                connection.execute(f"drop table if exists {_JUDGED_BY_DAY}")
                named = ", ".join(f"date '{name}'" for name in partitions)
                connection.execute(
                    f"create table {_JUDGED_BY_DAY} as select {columns}, _business_date"
                    f" from settled where {where} and _business_date in ({named})"
                )
                source, where, by_day = _JUDGED_BY_DAY, "true", _JUDGED_BY_DAY
            connection.execute(
                f"create {kind} {_JUDGED} as select {columns} from {source} where {where}"
            )
        days = tuple(partitions) if self._partitioned else ()
        try:
            return self.landing.judge(
                Judged(
                    self._database,
                    _JUDGED,
                    tuple(_readable_path(one) for one in self.opened),
                    by_day,
                    days,
                )
            )
        except Exception as error:  # noqa: BLE001 (a judge that raises closes the gate)
            return Verdict("could_not_run", f"the judge raised {type(error).__name__}")

    def _write(self, batches: list[Batch], reasons: dict[str, dict[str, int]]) -> None:
        """Write the candidates and the rows that are split off them, still aside."""
        columns = [
            name
            for name, _ in self._contract.landed_columns(partitioned=self._partitioned)
            if name != "_batch_id"
        ]
        listed = ", ".join(f'settled."{name}"' for name in columns)
        with self._engine() as connection:
            for file, together in self._new_files(batches).items():
                connection.register(
                    "_together",
                    pa.table(
                        {
                            "key": pa.array([batch.partition_key for batch in together]),
                            "id": pa.array([batch.batch_id for batch in together]),
                        }
                    ),
                )
                connection.execute(
                    f"copy (select {listed}, _together.id as _batch_id from settled"
                    f" join _together on _together.key = {self._partition_of_row('settled.')}"
                    f" where _reason is null) to {_text(self._aside(file))} (format parquet)"
                )
            for batch in batches:
                if reasons[batch.batch_id]:
                    where = self._rows_of(batch)
                    self._quarantine_rows(connection, batch, reasons[batch.batch_id], where)

    def _aside(self, file: str) -> Path:
        return self.scratch / Path(file).name

    def _rows_of(self, batch: Batch) -> str:
        if not self._partitioned:
            return "true"
        return f"{self._partition_of_row('settled.')} = '{batch.partition_key}'"

    def _quarantine_rows(
        self,
        connection: duckdb.DuckDBPyConnection,
        batch: Batch,
        reasons: dict[str, int],
        where: str,
    ) -> None:
        folder = self.landing.quarantine_folder(batch)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection.execute(
            f"copy ({_AS_DELIVERED}"
            f" where settled._reason is not null and {where})"
            f" to {_text(folder / 'rows.parquet')} (format parquet)"
        )
        (folder / "reasons.json").write_text(json.dumps(reasons, sort_keys=True), "utf-8")

    def _keep_identifiers(self, batches: list[Batch]) -> None:
        """Keep raw identifiers of the rows that land; those of refused rows stay outside."""
        if not batches or not self.found:
            return
        key = self.landing.settings.identity_key.get_secret_value()
        names = ", ".join(f"'{batch.partition_key}'" for batch in batches)
        with self._engine() as connection:
            for column, found in self.found.items():
                landed = {
                    row[0]
                    for row in connection.execute(
                        f'select distinct "{column}_token" from settled'
                        f" where _reason is null and {self._partition_of_row()} in ({names})"
                    ).fetchall()
                }
                for identifier_type in sorted({item.identifier_type for item in found}):
                    usable = [
                        item
                        for item in found
                        if item.identifier_type == identifier_type and item.token in landed
                    ]
                    keep_in_vault(self.landing.settings.identifiers_dir, usable, key)

    def _promote(self, batches: list[Batch], reasons: dict[str, dict[str, int]]) -> None:
        if not batches:
            return
        home = self.landing.settings.home
        files = self._new_files(batches)
        digests: dict[str, str] = {}
        for file, together in files.items():
            digest = digest_of(self._aside(file))
            digests |= {batch.batch_id: digest for batch in together}
        self.landing.ledger.begin(batches, digests)
        reach(Place.LANDING_ANNOUNCED)
        for file in files:
            target = home / file
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(self._aside(file))
            self._aside(file).replace(target)
            _sync(target.parent)
            reach(Place.LANDING_RENAMED)
        reach(Place.LANDING_ALL_RENAMED)
        self.landing.ledger.accept(batches, reasons)
        reach(Place.LANDING_ACCEPTED)

    # -- refusing ---------------------------------------------------------------------

    def _refuse(
        self, batch: Batch, verdict: Verdict, reasons: dict[str, dict[str, int]]
    ) -> PartitionReport:
        found = dict(reasons[batch.batch_id])
        good = batch.landed_rows
        if good:
            found["refused_batch"] = good
        folder = self.landing.quarantine_folder(batch)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._engine() as connection:
            connection.execute(
                f"copy ({_AS_DELIVERED} where {self._rows_of(batch)})"
                f" to {_text(folder / 'rows.parquet')} (format parquet)"
            )
        return self._record_refusal(replace(batch, file=None), _reason(verdict), found)

    def _refuse_unread(self, partition: str, problem: str) -> PartitionReport:
        rows = self._rows_unread(partition)
        batch = replace(
            self._batch(partition, self._fingerprint_of(partition), rows, 0, rows),
            file=None,
            landed_rows=0,
        )
        folder = self.landing.quarantine_folder(batch)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._from_base:
            path = self._of(partition).delivery.file.path
            shutil.copyfile(
                path, folder / ("delivered.parquet" if self._dialect is None else path.name)
            )
        reasons = {"unreadable_batch": rows} if rows else {}
        return self._record_refusal(batch, problem, reasons)

    def _rows_unread(self, partition: str) -> int:
        """Rows that a partition of a refused file had, as far as anybody can say."""
        one = self._of(partition)
        if one.read is None:
            return 0
        try:
            if self._from_base and self._partitioned:
                counts = self.landing.count_days(one.delivery.file.path)
                return counts.get(date.fromisoformat(partition), 0)
            return _physical_rows(one)
        except (pa.ArrowException, OSError, KeyError):
            return 0

    def _record_refusal(
        self, batch: Batch, reason: str, reasons: dict[str, int]
    ) -> PartitionReport:
        folder = self.landing.quarantine_folder(batch)
        (folder / "refusal.json").write_text(
            json.dumps(
                {
                    "source": batch.source_key,
                    "entity": batch.entity,
                    "partition": batch.partition_key,
                    "batch_id": batch.batch_id,
                    "reason": reason,
                    "rows_by_reason": reasons,
                },
                indent=2,
                sort_keys=True,
            ),
            "utf-8",
        )
        reach(Place.LANDING_QUARANTINED)
        waiver = self.landing.ledger.refuse(batch, reason, reasons)
        reach(Place.LANDING_REFUSED)
        if waiver is not None:
            return _waived(waiver)
        return PartitionReport(
            batch.partition_key,
            "refused",
            batch.batch_id,
            batch.physical_rows,
            0,
            batch.physical_rows,
            reason,
            tuple(sorted(reasons.items())),
        )


_AS_DELIVERED = (
    "select delivered.* exclude (file_row_number, _delivered_for), settled._reason, settled._row"
    " from settled join delivered on delivered.file_row_number = settled._row"
    " and delivered._delivered_for is not distinct from settled._delivered_for"
)
"""The delivered rows with what became of each."""


def _delivered_for(one: _Opened) -> str:
    """SQL of the day that a file was delivered for; null for one that holds all days."""
    partition = one.delivery.file.partition
    return "cast(null as varchar)" if partition is None else f"'{partition}'"


def _readable_path(one: _Opened) -> Path:
    if one.read is None:
        raise AssertionError("a delivery was asked for that nobody could read")
    return one.read.path


def _physical_rows(one: _Opened) -> int:
    """Records of a whole file, counted without the engine that lands them."""
    if one.read is not None and one.read.records is not None:
        return one.read.records
    return int(pq.ParquetFile(one.delivery.file.path).metadata.num_rows)


def _typed(column: Column, delivered_type: str) -> tuple[str, list[tuple[str, str]]]:
    """SQL that types a delivered column, and the reasons it may give a row."""
    name = f'delivered."{column.name}"'
    wanted = engine_type(column.type)
    reasons = []
    if not column.nullable:
        reasons.append((f"missing_{column.name}", f"{name} is null"))
    if delivered_type == wanted:
        return name, reasons
    value = f"try_cast({name} as {wanted})"
    reasons.append((f"unreadable_{column.name}", f"{name} is not null and {value} is null"))
    exact = f"inexact_{column.name}"
    if wanted == "BIGINT" or wanted.startswith("DECIMAL"):
        # Binary residue is not a value: the panel has 27 lines with 1e-15 instead of 0. A
        # FLOAT has seven digits, so its residue grows with the value.
        digits = f"abs({name}) * 1e-6" if delivered_type == "FLOAT" else "0"
        reasons.append(
            (
                exact,
                (
                    f"abs(cast({value} as double) - try_cast({name} as double))"
                    f" > greatest(1e-6, {digits})"
                ),
            )
        )
    if wanted == "DATE":
        reasons.append((exact, f"cast({value} as timestamp) <> try_cast({name} as timestamp)"))
    return value, reasons


def _reason(verdict: Verdict) -> str:
    """Why a batch is refused; an unjudged one is told from a bad one."""
    if verdict.outcome == "could_not_run":
        return f"{COULD_NOT_RUN}: {verdict.message}"
    return verdict.message


def _accepted(batch: Batch, reasons: dict[str, int], unusable: int) -> PartitionReport:
    return PartitionReport(
        batch.partition_key,
        "accepted",
        batch.batch_id,
        batch.physical_rows,
        batch.landed_rows,
        batch.quarantined_rows,
        None,
        tuple(sorted(reasons.items())),
        unusable,
    )


def _waived(waiver: Waiver) -> PartitionReport:
    return PartitionReport(
        waiver.partition_key,
        "waived",
        waiver.batch_id,
        waiver.rows,
        0,
        waiver.rows,
        waiver.reason,
    )


def _unchanged(batch: Batch) -> PartitionReport:
    return PartitionReport(
        batch.partition_key,
        "unchanged",
        batch.batch_id,
        batch.physical_rows,
        batch.landed_rows,
        batch.quarantined_rows,
    )


def _stored_reasons(folder: Path) -> dict[str, int]:
    path = folder / "reasons.json"
    if not path.exists():
        return {}
    return {str(code): int(rows) for code, rows in json.loads(path.read_text("utf-8")).items()}


def _digest(*parts: str) -> str:
    """Sixteen hex digits over the parts."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _text(path: Path) -> str:
    """A path as an SQL string."""
    return "'" + path.as_posix().replace("'", "''") + "'"


def _cell(name: str, *, exact: bool) -> str:
    """SQL for one value within a hash; `exact`: no text can be taken for null or for two."""
    value = f"cast({name} as varchar)"
    written = f"length({value}) || ':' || {value}" if exact else value
    return f"coalesce({written}, '~')"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
