"""The ledger: what was delivered, what became of it, and what every gate said.

One SQLite file, the only memory of the product beside landing itself. Rows are written
in the order of the phases, so that a killed run leaves a state the next one can finish.
Values of the data never enter it: counts, hashes, names and reasons only. Deciding what
to write belongs to `land`, reading it for people to `orchestration.cli`.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.landing.freshness import NEWEST_DELIVERIES, EntityKey, Newest, newest_of
from orchestration.sources.config import SourceConfig

_SCHEMA = """
create table if not exists batches (
    batch_id text not null primary key,
    source_key text not null,
    vendor text not null,
    entity text not null,
    partition_key text not null,
    content_hash text not null,
    version text,
    version_rule text not null,
    arrival_no integer,
    verdict text not null check (verdict in ('candidate', 'accepted', 'refused')),
    physical_rows integer not null,
    landed_rows integer not null,
    quarantined_rows integer not null,
    schema_fingerprint text not null,
    contract_fingerprint text not null,
    delivery_fingerprint text not null,
    file text,
    reason text,
    data_origin text not null,
    delivered_at text not null,
    run_id text not null
);
create index if not exists batches_by_partition
    on batches (source_key, entity, partition_key, arrival_no);
create table if not exists deliveries (
    delivery_no integer primary key autoincrement,
    batch_id text not null,
    source_key text not null,
    entity text not null,
    partition_key text not null,
    outcome text not null check (outcome in ('accepted', 'refused', 'unchanged')),
    delivery_fingerprint text not null,
    contract_fingerprint text not null,
    is_from_base integer not null,
    delivered_at text not null,
    run_id text not null
);
create index if not exists deliveries_by_partition
    on deliveries (source_key, entity, partition_key, delivery_no);
create table if not exists quarantined_rows (
    batch_id text not null,
    source_key text not null,
    entity text not null,
    partition_key text not null,
    reason_code text not null,
    rows integer not null,
    primary key (batch_id, reason_code)
);
create table if not exists open_refusals (
    source_key text not null,
    entity text not null,
    partition_key text not null,
    batch_id text not null,
    reason text not null,
    refused_at text not null,
    primary key (source_key, entity, partition_key)
);
create table if not exists waivers (
    waiver_no integer primary key autoincrement,
    source_key text not null,
    entity text not null,
    partition_key text not null,
    batch_id text not null,
    content_hash text not null,
    delivery_fingerprint text not null,
    contract_fingerprint text not null,
    rows integer not null,
    reason text not null,
    because text not null,
    refused_at text not null,
    waived_at text not null,
    ended_at text
);
create table if not exists check_results (
    run_id text not null,
    layer text not null,
    asset text not null,
    check_name text not null,
    expectation text not null,
    column_name text not null,
    severity text not null,
    outcome text not null,
    evaluated_rows integer,
    unexpected_rows integer,
    observed real,
    because text not null,
    checked_at text not null,
    engine text not null,
    primary key (asset, check_name, expectation, column_name)
);
create table if not exists landed_files (
    batch_id text not null primary key,
    sha256 text not null
);
create table if not exists overrides (
    run_id text not null,
    asset text not null,
    reason text not null,
    recorded_at text not null
);
"""


DAMAGED = "damaged_file"
"""Reason code of the rows of a batch whose landed file is not whole any more."""


class LedgerError(RuntimeError):
    """The ledger and landing disagree; nothing was recorded."""


@dataclass(frozen=True)
class Batch:
    """One row of `batches`: the content that one source entity gave for one partition."""

    batch_id: str
    source_key: str
    vendor: str
    entity: str
    partition_key: str
    content_hash: str
    version_rule: str
    verdict: str
    physical_rows: int
    landed_rows: int
    quarantined_rows: int
    schema_fingerprint: str
    contract_fingerprint: str
    delivery_fingerprint: str
    file: str | None
    reason: str | None
    data_origin: str
    run_id: str
    version: str | None = None
    """Sorts as text; among batches of one partition the highest is current."""
    arrival_no: int | None = None
    is_from_base: bool = False
    """Whether the source's base file delivered it, and not a file of its inbox."""


@dataclass(frozen=True)
class Refusal:
    """A partition whose newest delivery was refused and neither replaced nor waived."""

    source_key: str
    entity: str
    partition_key: str
    batch_id: str
    reason: str
    refused_at: datetime


@dataclass(frozen=True)
class Waiver:
    """A refusal that somebody decided to live without, and why.

    It stands for one content under one contract; another delivery for the partition ends it.
    """

    source_key: str
    entity: str
    partition_key: str
    batch_id: str
    content_hash: str
    delivery_fingerprint: str
    contract_fingerprint: str
    rows: int
    """How many rows were delivered and stay in quarantine."""
    reason: str
    """Why the batch was refused."""
    because: str
    """Why the refusal was waived."""
    refused_at: datetime
    waived_at: datetime

    def covers(self, batch: Batch) -> bool:
        """Whether a refused batch is the one that was waived, judged by the same contract."""
        return self.contract_fingerprint == batch.contract_fingerprint and (
            self.content_hash == batch.content_hash
            or self.delivery_fingerprint == batch.delivery_fingerprint
        )


@dataclass(frozen=True)
class CheckRecord:
    """What one expectation or dbt test said last."""

    layer: str
    asset: str
    check_name: str
    expectation: str
    column_name: str | None
    severity: str
    outcome: str
    evaluated_rows: int | None
    unexpected_rows: int | None
    observed: float | None
    because: str
    engine: str


_CHECK_RESULTS = "check_results"
_NEWEST_DELIVERIES = "newest_deliveries"
_EVERY_RUN = (_CHECK_RESULTS, _NEWEST_DELIVERIES)
"""What every run changes. Only quality reads it: elsewhere it would make all of the
warehouse outdated each time."""

_EXPORTS: dict[str, tuple[str, pa.Schema]] = {
    "batches": (
        """
        select
            batch_id, source_key, vendor, entity, partition_key, content_hash, version,
            version_rule, arrival_no, verdict, physical_rows, landed_rows,
            quarantined_rows, schema_fingerprint, file, reason, data_origin,
            delivered_at, run_id
        from batches
        where verdict <> 'candidate'
        order by source_key, entity, partition_key, batch_id
        """,
        pa.schema(
            [
                ("batch_id", pa.string()),
                ("source_key", pa.string()),
                ("vendor", pa.string()),
                ("entity", pa.string()),
                ("partition_key", pa.string()),
                ("content_hash", pa.string()),
                ("version", pa.string()),
                ("version_rule", pa.string()),
                ("arrival_no", pa.int64()),
                ("verdict", pa.string()),
                ("physical_rows", pa.int64()),
                ("landed_rows", pa.int64()),
                ("quarantined_rows", pa.int64()),
                ("schema_fingerprint", pa.string()),
                ("file", pa.string()),
                ("reason", pa.string()),
                ("data_origin", pa.string()),
                ("delivered_at", pa.timestamp("us")),
                ("run_id", pa.string()),
            ]
        ),
    ),
    _NEWEST_DELIVERIES: (
        (
            "select deliveries.source_key, deliveries.entity,"
            " max(deliveries.delivered_at) as delivered_at from deliveries"
            " inner join batches on batches.batch_id = deliveries.batch_id"
            " where deliveries.outcome <> 'refused' and batches.verdict = 'accepted'"
            " group by deliveries.source_key, deliveries.entity"
            " order by deliveries.source_key, deliveries.entity"
        ),
        pa.schema(
            [
                ("source_key", pa.string()),
                ("entity", pa.string()),
                ("delivered_at", pa.timestamp("us")),
            ]
        ),
    ),
    "quarantined_rows": (
        (
            "select batch_id, source_key, entity, partition_key, reason_code, rows"
            " from quarantined_rows order by batch_id, reason_code"
        ),
        pa.schema(
            [
                ("batch_id", pa.string()),
                ("source_key", pa.string()),
                ("entity", pa.string()),
                ("partition_key", pa.string()),
                ("reason_code", pa.string()),
                ("rows", pa.int64()),
            ]
        ),
    ),
    "open_refusals": (
        (
            "select source_key, entity, partition_key, batch_id, reason, refused_at"
            " from open_refusals order by source_key, entity, partition_key"
        ),
        pa.schema(
            [
                ("source_key", pa.string()),
                ("entity", pa.string()),
                ("partition_key", pa.string()),
                ("batch_id", pa.string()),
                ("reason", pa.string()),
                ("refused_at", pa.timestamp("us")),
            ]
        ),
    ),
    _CHECK_RESULTS: (
        (
            "select run_id, layer, asset, check_name, expectation,"
            " nullif(column_name, '') as column_name, severity, outcome, evaluated_rows,"
            " unexpected_rows, observed, because, checked_at, engine"
            " from check_results order by asset, check_name, expectation, column_name"
        ),
        pa.schema(
            [
                ("run_id", pa.string()),
                ("layer", pa.string()),
                ("asset", pa.string()),
                ("check_name", pa.string()),
                ("expectation", pa.string()),
                ("column_name", pa.string()),
                ("severity", pa.string()),
                ("outcome", pa.string()),
                ("evaluated_rows", pa.int64()),
                ("unexpected_rows", pa.int64()),
                ("observed", pa.float64()),
                ("because", pa.string()),
                ("checked_at", pa.timestamp("us")),
                ("engine", pa.string()),
            ]
        ),
    ),
}

_SOURCES_SCHEMA = pa.schema(
    [
        ("source_key", pa.string()),
        ("vendor", pa.string()),
        ("entity", pa.string()),
        ("channel_key", pa.string()),
        ("description", pa.string()),
        ("owner", pa.string()),
        ("collection_method", pa.string()),
        ("data_party", pa.string()),
        ("personal_data_level", pa.string()),
        ("lawful_basis", pa.string()),
        ("retention_days", pa.int64()),
        ("version_rule", pa.string()),
        ("on_bad_batch", pa.string()),
        ("cadence", pa.string()),
        ("max_age_hours", pa.int64()),
        ("is_partitioned", pa.bool_()),
        ("is_required", pa.bool_()),
        ("data_origin", pa.string()),
        ("location_zone", pa.string()),
    ]
)

_PARAMETERS_SCHEMA = pa.schema(
    [
        ("as_of_override", pa.date32()),
        ("reporting_currency", pa.string()),
    ]
)

REPORTING_CURRENCY = "USD"


_HIGHER_VERSION = "nullif(max(coalesce(version, ''), coalesce(?, '')), '')"
"""A content that is delivered again as a newer version is the newer version."""


def _rank(batch: Batch) -> tuple[str, int, str, str]:
    """Orders the batches of a partition: the last is current, as `src_shopthread__batches` says."""
    arrived = batch.arrival_no if batch.version_rule == "arrival" else None
    return (batch.version or "", arrived or 0, batch.content_hash, batch.batch_id)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _instant(text: str) -> datetime:
    """UTC instant without a zone, as DuckDB's TIMESTAMP holds it."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


class Ledger:
    """Reads and writes the ledger file. Every method is one transaction."""

    def __init__(self, path: Path, timeout_seconds: float = 60.0, *, create: bool = True) -> None:
        """Open or create the ledger at `path`.

        `timeout_seconds` is how long a write waits for another process's transaction. Who only
        reads one that is there does not `create`, and waits for nobody.
        """
        self._path = path
        self._timeout = timeout_seconds
        if not create:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connect() as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("pragma synchronous = full")
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            if connection.in_transaction:
                connection.execute("commit")
        finally:
            connection.close()

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        connection = sqlite3.connect(self._path, timeout=self._timeout)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    # -- batches ----------------------------------------------------------------------

    def begin(self, batches: Iterable[Batch], digests: Mapping[str, str]) -> None:
        """Announce candidates, with the digests of their files, before these are renamed.

        A batch that was accepted before keeps its row: its file is already in landing.
        """
        with self._connect() as connection:
            connection.executemany(
                "insert or replace into landed_files values (?, ?)", sorted(digests.items())
            )
            for batch in batches:
                connection.execute(
                    """
                    insert into batches values (
                        :batch_id, :source_key, :vendor, :entity, :partition_key,
                        :content_hash, :version, :version_rule, null, 'candidate',
                        :physical_rows, :landed_rows, :quarantined_rows,
                        :schema_fingerprint, :contract_fingerprint, :delivery_fingerprint,
                        :file, null, :data_origin, :delivered_at, :run_id
                    )
                    on conflict (batch_id) do update set
                        verdict = 'candidate', physical_rows = excluded.physical_rows,
                        landed_rows = excluded.landed_rows,
                        quarantined_rows = excluded.quarantined_rows,
                        schema_fingerprint = excluded.schema_fingerprint,
                        contract_fingerprint = excluded.contract_fingerprint,
                        delivery_fingerprint = excluded.delivery_fingerprint,
                        file = excluded.file, reason = null, run_id = excluded.run_id
                    where batches.verdict <> 'accepted'
                    """,
                    {**batch.__dict__, "delivered_at": _now()},
                )

    def accept(self, batches: Iterable[Batch], reasons: dict[str, dict[str, int]]) -> None:
        """Make candidates current: their files are in landing now.

        `reasons` counts quarantined rows, batch id -> reason code -> rows. Replaces
        whatever refusal was open for the same partition.
        """
        with self._connect() as connection:
            for batch in batches:
                number = self._record_delivery(connection, batch, "accepted")
                changed = connection.execute(
                    "update batches set verdict = 'accepted', arrival_no = ?, reason = null,"
                    f" version = {_HIGHER_VERSION}, version_rule = ?,"
                    " contract_fingerprint = ?, delivery_fingerprint = ? where batch_id = ?",
                    (
                        number,
                        batch.version,
                        batch.version_rule,
                        batch.contract_fingerprint,
                        batch.delivery_fingerprint,
                        batch.batch_id,
                    ),
                ).rowcount
                if changed != 1:
                    raise LedgerError(
                        f"batch {batch.batch_id} of {batch.source_key}/{batch.entity} was "
                        "never announced, so it is not accepted; its file stays unread; run again"
                    )
                self._record_reasons(connection, batch, reasons.get(batch.batch_id, {}))
                self._close_refusal(connection, batch)

    def refuse(self, batch: Batch, reason: str, reasons: dict[str, int]) -> Waiver | None:
        """Record that a batch was refused; the partition's refusal stays open.

        Returns the waiver that covers this very batch, under which nothing is open.
        """
        now = _now()
        with self._connect() as connection:
            self._record_delivery(connection, batch, "refused")
            connection.execute(
                """
                insert into batches values (
                    :batch_id, :source_key, :vendor, :entity, :partition_key,
                    :content_hash, :version, :version_rule, null, 'refused',
                    :physical_rows, 0, :physical_rows, :schema_fingerprint,
                    :contract_fingerprint, :delivery_fingerprint, :file, :reason,
                    :data_origin, :delivered_at, :run_id
                )
                on conflict (batch_id) do update set
                    verdict = 'refused', landed_rows = 0,
                    quarantined_rows = excluded.physical_rows, reason = excluded.reason,
                    file = excluded.file, run_id = excluded.run_id
                where batches.verdict <> 'accepted'
                """,
                {**batch.__dict__, "reason": reason, "delivered_at": now},
            )
            accepted = connection.execute(
                "select 1 from batches where batch_id = ? and verdict = 'accepted'",
                (batch.batch_id,),
            ).fetchone()
            if accepted is None:
                self._record_reasons(connection, batch, reasons)
            standing = connection.execute(
                "select * from waivers where source_key = ? and entity = ?"
                " and partition_key = ? and ended_at is null",
                (batch.source_key, batch.entity, batch.partition_key),
            ).fetchone()
            if standing is not None and _waiver(standing).covers(batch):
                return _waiver(standing)
            self._end_waiver(connection, batch)
            self._open_refusal(connection, batch, reason, now)
        return None

    def repeat(self, batches: Iterable[Batch]) -> None:
        """Record deliveries equal to what landing already serves for their partition."""
        with self._connect() as connection:
            for batch in batches:
                self._record_delivery(connection, batch, "unchanged")
                connection.execute(
                    f"update batches set version = {_HIGHER_VERSION}, version_rule = ?,"
                    " delivery_fingerprint = ? where batch_id = ?",
                    (
                        batch.version,
                        batch.version_rule,
                        batch.delivery_fingerprint,
                        batch.batch_id,
                    ),
                )
                self._close_refusal(connection, batch)

    def _record_delivery(self, connection: sqlite3.Connection, batch: Batch, outcome: str) -> int:
        cursor = connection.execute(
            "insert into deliveries (batch_id, source_key, entity, partition_key, outcome,"
            " delivery_fingerprint, contract_fingerprint, is_from_base, delivered_at, run_id)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.batch_id,
                batch.source_key,
                batch.entity,
                batch.partition_key,
                outcome,
                batch.delivery_fingerprint,
                batch.contract_fingerprint,
                batch.is_from_base,
                _now(),
                batch.run_id,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _record_reasons(
        self, connection: sqlite3.Connection, batch: Batch, reasons: dict[str, int]
    ) -> None:
        connection.execute("delete from quarantined_rows where batch_id = ?", (batch.batch_id,))
        connection.executemany(
            "insert into quarantined_rows values (?, ?, ?, ?, ?, ?)",
            [
                (batch.batch_id, batch.source_key, batch.entity, batch.partition_key, code, rows)
                for code, rows in sorted(reasons.items())
            ],
        )

    def _open_refusal(
        self, connection: sqlite3.Connection, batch: Batch, reason: str, now: str
    ) -> None:
        connection.execute(
            "insert or replace into open_refusals values (?, ?, ?, ?, ?, ?)",
            (batch.source_key, batch.entity, batch.partition_key, batch.batch_id, reason, now),
        )

    def _close_refusal(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """A batch takes the place of a refused one, unless that says to be the newer version."""
        newer = connection.execute(
            "select 1 from open_refusals inner join batches"
            " on batches.batch_id = open_refusals.batch_id"
            " where open_refusals.source_key = ? and open_refusals.entity = ?"
            " and open_refusals.partition_key = ? and batches.version > ?",
            (batch.source_key, batch.entity, batch.partition_key, batch.version),
        ).fetchone()
        if newer is not None:
            return
        connection.execute(
            "delete from open_refusals where source_key = ? and entity = ? and partition_key = ?",
            (batch.source_key, batch.entity, batch.partition_key),
        )
        self._end_waiver(connection, batch)

    def _end_waiver(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """Keep the waiver of a partition as history: something newer was delivered."""
        connection.execute(
            "update waivers set ended_at = ? where source_key = ? and entity = ?"
            " and partition_key = ? and ended_at is null",
            (_now(), batch.source_key, batch.entity, batch.partition_key),
        )

    def candidates(self, source: str, entity: str) -> tuple[Batch, ...]:
        """Batches announced and never settled: a run was killed between the two."""
        rows = self._rows(
            "select * from batches where source_key = ? and entity = ?"
            " and verdict = 'candidate' order by batch_id",
            (source, entity),
        )
        return tuple(_batch(row) for row in rows)

    def forget_candidate(self, batch_id: str) -> None:
        """Drop a candidate whose file never reached landing."""
        with self._connect() as connection:
            # One that was refused before is refused again: its refusal is still open.
            connection.execute(
                "update batches set verdict = 'refused', landed_rows = 0, file = null,"
                " quarantined_rows = physical_rows, reason = (select reason from open_refusals"
                " where open_refusals.batch_id = batches.batch_id)"
                " where batch_id = ? and verdict = 'candidate' and batch_id in"
                " (select batch_id from open_refusals)",
                (batch_id,),
            )
            connection.execute(
                "delete from batches where batch_id = ? and verdict = 'candidate'", (batch_id,)
            )

    def current(self, source: str, entity: str) -> dict[str, Batch]:
        """Partition -> the batch landing serves: that of the highest version."""
        batches = sorted(self.accepted(source, entity), key=_rank)
        return {batch.partition_key: batch for batch in batches}

    def condemn(self, batch: Batch, reason: str, *, is_served: bool) -> None:
        """Take back an accepted batch whose file is not whole.

        The refusal of one that was served stays open; a superseded one is missed by nobody.
        """
        now = _now()
        with self._connect() as connection:
            self._record_delivery(connection, batch, "refused")
            connection.execute(
                "update batches set verdict = 'refused', landed_rows = 0, file = null,"
                " quarantined_rows = physical_rows, reason = ? where batch_id = ?",
                (reason, batch.batch_id),
            )
            self._record_reasons(connection, batch, {DAMAGED: batch.physical_rows})
            if not is_served:
                return
            self._open_refusal(connection, batch, reason, now)

    def lost_partitions(self, source: str, entity: str) -> frozenset[str]:
        """Partitions that landing served once and lost, and nothing has replaced yet."""
        rows = self._rows(
            "select distinct open_refusals.partition_key from open_refusals"
            " inner join quarantined_rows on quarantined_rows.batch_id = open_refusals.batch_id"
            " where open_refusals.source_key = ? and open_refusals.entity = ?"
            " and quarantined_rows.reason_code = ?",
            (source, entity, DAMAGED),
        )
        return frozenset(str(row["partition_key"]) for row in rows)

    def accepted(self, source: str, entity: str) -> tuple[Batch, ...]:
        """Every batch whose file landing holds, also superseded ones, in order of id."""
        rows = self._rows(
            "select * from batches where source_key = ? and entity = ?"
            " and verdict = 'accepted' order by batch_id",
            (source, entity),
        )
        return tuple(_batch(row) for row in rows)

    def file_digests(self, source: str, entity: str) -> dict[str, str]:
        """Batch id -> SHA-256 of its landed file; older batches have none."""
        rows = self._rows(
            "select landed_files.batch_id, sha256 from landed_files inner join batches"
            " on batches.batch_id = landed_files.batch_id where source_key = ? and entity = ?",
            (source, entity),
        )
        return {str(row["batch_id"]): str(row["sha256"]) for row in rows}

    def accepted_batches(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(source, entity) -> ids of every batch whose file landing holds, in order of id."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self._rows(
            "select source_key, entity, batch_id from batches where verdict = 'accepted'"
            " order by batch_id"
        ):
            key = (str(row["source_key"]), str(row["entity"]))
            found.setdefault(key, []).append(str(row["batch_id"]))
        return {key: tuple(batches) for key, batches in found.items()}

    def newest(self) -> dict[EntityKey, Newest]:
        """The newest that landing accepted of every entity it accepted anything of."""
        return newest_of(self._rows(NEWEST_DELIVERIES))

    def base_fingerprints(self, source: str, entity: str) -> dict[str, str]:
        """Partition -> fingerprint of the base file that landing last took it from."""
        rows = self._rows(
            "select partition_key, delivery_fingerprint from deliveries"
            " where source_key = ? and entity = ? and outcome <> 'refused' and is_from_base"
            " order by delivery_no",
            (source, entity),
        )
        return {str(row["partition_key"]): str(row["delivery_fingerprint"]) for row in rows}

    def close_refusal(self, source: str, entity: str, partition: str) -> None:
        """Close a refusal whose partition the newest delivery no longer has."""
        with self._connect() as connection:
            connection.execute(
                "delete from open_refusals"
                " where source_key = ? and entity = ? and partition_key = ?",
                (source, entity, partition),
            )
            connection.execute(
                "update waivers set ended_at = ? where source_key = ? and entity = ?"
                " and partition_key = ? and ended_at is null",
                (_now(), source, entity, partition),
            )

    def waive(self, source: str, entity: str, partition: str, because: str) -> Waiver:
        """Close an open refusal without a new delivery; its rows stay in quarantine.

        Raises LedgerError when that partition has no open refusal.
        """
        now = _now()
        with self._connect() as connection:
            # What was refused is a fact of the delivery: the batch of that content may have
            # landed under an earlier contract and then keeps its own row.
            refused = connection.execute(
                """
                select
                    open_refusals.*, batches.content_hash, batches.physical_rows,
                    deliveries.delivery_fingerprint, deliveries.contract_fingerprint
                from open_refusals
                join batches on batches.batch_id = open_refusals.batch_id
                join deliveries on deliveries.batch_id = open_refusals.batch_id
                where open_refusals.source_key = ? and open_refusals.entity = ?
                    and open_refusals.partition_key = ? and deliveries.outcome = 'refused'
                order by deliveries.delivery_no desc
                limit 1
                """,
                (source, entity, partition),
            ).fetchone()
            if refused is None:
                raise LedgerError(
                    f"{source}/{entity} {partition} has no open refusal; nothing was waived; "
                    "`shopthread quarantine list` shows what is open"
                )
            connection.execute(
                "insert into waivers (source_key, entity, partition_key, batch_id,"
                " content_hash, delivery_fingerprint, contract_fingerprint, rows, reason,"
                " because, refused_at, waived_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    source,
                    entity,
                    partition,
                    refused["batch_id"],
                    refused["content_hash"],
                    refused["delivery_fingerprint"],
                    refused["contract_fingerprint"],
                    refused["physical_rows"],
                    refused["reason"],
                    because,
                    refused["refused_at"],
                    now,
                ),
            )
            connection.execute(
                "delete from open_refusals"
                " where source_key = ? and entity = ? and partition_key = ?",
                (source, entity, partition),
            )
        return self.waivers(source, entity)[partition]

    def waivers(self, source: str, entity: str) -> dict[str, Waiver]:
        """Partition -> the waiver that stands for its newest delivery."""
        return {
            item.partition_key: item
            for item in self.standing_waivers()
            if (item.source_key, item.entity) == (source, entity)
        }

    def standing_waivers(self) -> tuple[Waiver, ...]:
        """Every waiver whose partition nothing was delivered for since."""
        rows = self._rows(
            "select * from waivers where ended_at is null"
            " order by source_key, entity, partition_key"
        )
        return tuple(_waiver(row) for row in rows)

    def open_refusals(
        self, source: str | None = None, entity: str | None = None
    ) -> tuple[Refusal, ...]:
        """Unresolved refusals, of one entity or of all, oldest partition first."""
        rows = self._rows(
            "select * from open_refusals where (? is null or source_key = ?)"
            " and (? is null or entity = ?) order by source_key, entity, partition_key",
            (source, source, entity, entity),
        )
        return tuple(
            Refusal(
                source_key=row["source_key"],
                entity=row["entity"],
                partition_key=row["partition_key"],
                batch_id=row["batch_id"],
                reason=row["reason"],
                refused_at=datetime.fromisoformat(row["refused_at"]),
            )
            for row in rows
        )

    def condemned(self, source: str, entity: str) -> tuple[str, ...]:
        """Partitions of which landing serves the very content that was refused.

        A changed contract judges again what landed under another one. It may give the same
        content another batch id, so what was delivered is compared.
        """
        current = self.current(source, entity)
        rows = self._rows(
            "select open_refusals.partition_key, open_refusals.batch_id,"
            " batches.content_hash, batches.delivery_fingerprint"
            " from open_refusals left join batches"
            " on batches.batch_id = open_refusals.batch_id"
            " where open_refusals.source_key = ? and open_refusals.entity = ?"
            " order by open_refusals.partition_key",
            (source, entity),
        )
        return tuple(
            str(row["partition_key"])
            for row in rows
            if (served := current.get(row["partition_key"])) is not None
            and (
                served.batch_id == row["batch_id"]
                or served.content_hash == row["content_hash"]
                or served.delivery_fingerprint == row["delivery_fingerprint"]
            )
        )

    def accounting(self) -> tuple[sqlite3.Row, ...]:
        """Per source entity: batches, physical, landed, quarantined rows, refused batches."""
        return tuple(
            self._rows(
                """
                select
                    source_key,
                    entity,
                    sum(verdict = 'accepted') as accepted_batches,
                    sum(verdict = 'refused') as refused_batches,
                    sum(physical_rows) as physical_rows,
                    sum(landed_rows) as landed_rows,
                    sum(quarantined_rows) as quarantined_rows
                from batches
                where verdict <> 'candidate'
                group by source_key, entity
                order by source_key, entity
                """
            )
        )

    # -- gates ------------------------------------------------------------------------

    def record_checks(self, run_id: str, records: Iterable[CheckRecord]) -> None:
        """Keep the newest result of each check, and drop those of checks that are gone.

        A check of the same asset and name that this call does not mention has left its
        suite and would otherwise be reported for ever.
        """
        now = _now()
        rows = _told_apart(records)
        with self._connect() as connection:
            for asset, check_name in sorted({(row.asset, row.check_name) for row in rows}):
                connection.execute(
                    "delete from check_results where asset = ? and check_name = ?",
                    (asset, check_name),
                )
            connection.executemany(
                "insert or replace into check_results values"
                " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        run_id,
                        row.layer,
                        row.asset,
                        row.check_name,
                        row.expectation,
                        row.column_name or "",
                        row.severity,
                        row.outcome,
                        row.evaluated_rows,
                        row.unexpected_rows,
                        row.observed,
                        row.because,
                        now,
                        row.engine,
                    )
                    for row in rows
                ],
            )

    def keep_checks(self, known: Collection[tuple[str, str]]) -> None:
        """Forget the results of checks, by (asset, check), that the project no longer has.

        One that failed last would otherwise count as failed for ever.
        """
        with self._connect() as connection:
            found = connection.execute("select distinct asset, check_name from check_results")
            gone = {(str(row["asset"]), str(row["check_name"])) for row in found} - set(known)
            connection.executemany(
                "delete from check_results where asset = ? and check_name = ?", sorted(gone)
            )

    def has_closing_check(self, asset: str, check_name: str) -> bool:
        """Whether the newest results of a check hold a critical one that did not pass."""
        rows = self._rows(
            "select 1 from check_results where asset = ? and check_name = ?"
            " and severity = 'critical' and outcome <> 'passed' limit 1",
            (asset, check_name),
        )
        return bool(rows)

    def check_counts(self) -> dict[str, int]:
        """Outcome -> number of checks whose newest result it is."""
        rows = self._rows("select outcome, count(*) as checks from check_results group by outcome")
        counts = {"passed": 0, "failed": 0, "could_not_run": 0}
        counts.update({str(row["outcome"]): int(row["checks"]) for row in rows})
        return counts

    def record_override(self, run_id: str, asset: str, reason: str) -> None:
        """Record that an operator let `asset` be built behind a closed gate."""
        with self._connect() as connection:
            connection.execute(
                "insert into overrides values (?, ?, ?, ?)", (run_id, asset, reason, _now())
            )

    def overrides(self, run_id: str) -> tuple[tuple[str, str], ...]:
        """(asset, reason) of the gates that were overridden in a run."""
        rows = self._rows(
            "select asset, reason from overrides where run_id = ? order by asset, reason",
            (run_id,),
        )
        return tuple((str(row["asset"]), str(row["reason"])) for row in rows)

    # -- for dbt ----------------------------------------------------------------------

    def export_books(
        self,
        folder: Path,
        sources: Iterable[SourceConfig],
        as_of: date | None,
    ) -> None:
        """Write what was delivered and configured as Parquet files, each replaced atomically.

        What staging builds on: written once per build of staging, so that later layers and
        partial runs read the same books and the same as-of date. What every run changes is
        written only where it is not yet: a file must be there for the views upon it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in _EXPORTS:
            if name not in _EVERY_RUN or not (folder / f"{name}.parquet").exists():
                self._export(folder, name)
        _write(
            folder / "sources.parquet",
            pa.Table.from_pylist(list(source_rows(sources)), schema=_SOURCES_SCHEMA),
        )
        _write(
            folder / "parameters.parquet",
            pa.Table.from_pylist(
                [
                    {
                        "as_of_override": as_of,
                        "reporting_currency": REPORTING_CURRENCY,
                    }
                ],
                schema=_PARAMETERS_SCHEMA,
            ),
        )

    def export_what_every_run_changes(self, folder: Path) -> None:
        """Write the newest check results and deliveries as Parquet, each replaced atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _EVERY_RUN:
            self._export(folder, name)

    def _export(self, folder: Path, name: str) -> None:
        query, schema = _EXPORTS[name]
        rows = [dict(row) for row in self._rows(query)]
        for row in rows:
            for column in ("delivered_at", "refused_at", "checked_at"):
                if column in row:
                    row[column] = _instant(row[column])
        _write(folder / f"{name}.parquet", pa.Table.from_pylist(rows, schema=schema))


def source_rows(sources: Iterable[SourceConfig]) -> Iterator[dict[str, object]]:
    """One row per source entity, as `dim_source` shows it."""
    for source in sources:
        for entity in source.entities:
            yield {
                "source_key": source.source,
                "vendor": source.vendor,
                "entity": entity.name,
                "channel_key": entity.channel,
                "description": entity.description,
                "owner": source.owner,
                "collection_method": entity.collection_method,
                "data_party": source.data_party,
                "personal_data_level": entity.personal_data,
                "lawful_basis": source.lawful_basis,
                "retention_days": source.retention_days,
                "version_rule": entity.version_rule,
                "on_bad_batch": entity.on_bad_batch,
                "cadence": source.cadence,
                "max_age_hours": entity.max_age_hours,
                "is_partitioned": entity.partitioned,
                "is_required": entity.required,
                "data_origin": source.data_origin,
                "location_zone": source.time_zone,
            }


def _told_apart(records: Iterable[CheckRecord]) -> list[CheckRecord]:
    """Number expectations of one kind on one column, in the order of their suite."""
    seen: dict[tuple[str, str, str, str | None], int] = {}
    told = []
    for record in records:
        key = (record.asset, record.check_name, record.expectation, record.column_name)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            told.append(replace(record, expectation=f"{record.expectation} ({seen[key]})"))
        else:
            told.append(record)
    return told


def _batch(row: sqlite3.Row) -> Batch:
    # How it was delivered is a fact of the delivery, not of the content.
    names = [name for name in Batch.__dataclass_fields__ if name != "is_from_base"]
    fields = {name: row[name] for name in names}
    return Batch(**fields)


def _waiver(row: sqlite3.Row) -> Waiver:
    fields = {name: row[name] for name in Waiver.__dataclass_fields__}
    for name in ("refused_at", "waived_at"):
        fields[name] = datetime.fromisoformat(row[name])
    return Waiver(**fields)


def _write(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary)
    temporary.replace(path)
