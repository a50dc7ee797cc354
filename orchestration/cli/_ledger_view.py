"""What the ledger says, for people: a look that writes nothing and waits for nobody.

The ledger belongs to `orchestration.landing`, which alone writes it; here its file is
opened read-only, so that `status` answers while a run goes on and on a machine where
nothing ever ran.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.landing.freshness import (
    NEWEST_DELIVERIES,
    date_judged_at,
    judge_freshness,
    newest_of,
)
from orchestration.landing.ledger import Ledger
from orchestration.landing.serving import Served, blocks, what_is_served
from orchestration.settings import Settings
from orchestration.sources.config import EntityConfig, SourceConfig
from orchestration.sources.files import UNDATED


@dataclass(frozen=True)
class OpenRefusal:
    """A partition whose newest delivery was refused, and neither replaced nor waived since."""

    source_key: str
    entity: str
    partition_key: str
    batch_id: str
    reason: str
    refused_at: datetime
    rows_by_reason: tuple[tuple[str, int], ...]
    rows: int = 0
    """Rows that were delivered and lie in quarantine."""


@dataclass(frozen=True)
class WaivedRefusal:
    """A refusal that somebody decided to live without, and why."""

    source_key: str
    entity: str
    partition_key: str
    batch_id: str
    rows: int
    reason: str
    because: str
    waived_at: datetime


@dataclass(frozen=True)
class EntityState:
    """One entity of one source: what it delivered and what landing serves of it."""

    source_key: str
    entity: str
    state: str
    """`fresh`, `stale` or `missing`."""
    newest: str | None
    """Newest partition that landing serves."""
    lag_days: int | None
    """Days behind; None where there is nothing dated to count from or to."""
    accepted_batches: int
    refused_batches: int
    physical_rows: int
    landed_rows: int
    quarantined_rows: int
    served_rows: int
    """Rows of the batches that landing serves now; superseded ones are left out."""
    refusals: tuple[OpenRefusal, ...]
    keeps_serving: bool
    """A refused batch is set aside and stops nobody: the last good state is served on."""

    @property
    def is_balanced(self) -> bool:
        """Every row delivered is landed or in quarantine."""
        return self.physical_rows == self.landed_rows + self.quarantined_rows


@dataclass(frozen=True)
class FailedCheck:
    """A check whose newest result is not *passed*."""

    asset: str
    check_name: str
    expectation: str
    column: str | None
    severity: str
    outcome: str
    unexpected_rows: int | None
    evaluated_rows: int | None
    because: str


@dataclass(frozen=True)
class CheckCounts:
    """Newest results of all checks, by answer."""

    passed: int = 0
    failed: int = 0
    could_not_run: int = 0
    warnings: int = 0
    """How many of those that did not pass close no gate."""


@dataclass(frozen=True)
class RunLanding:
    """What one run brought."""

    accepted: int
    unchanged: int
    refused: int
    new_rows: int


class LedgerView:
    """Reads one ledger file. A file that does not exist is an empty ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        return self._path.is_file()

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        if not self.exists():
            return []
        uri = f"{self._path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def entities(
        self, settings: Settings, sources: Sequence[SourceConfig]
    ) -> tuple[EntityState, ...]:
        """Every declared entity in the order of its source file, delivered or not."""
        totals = {
            (str(row["source_key"]), str(row["entity"])): row
            for row in self._rows(
                """
                select source_key, entity,
                    sum(verdict = 'accepted') as accepted_batches,
                    sum(verdict = 'refused') as refused_batches,
                    sum(physical_rows) as physical_rows,
                    sum(landed_rows) as landed_rows,
                    sum(quarantined_rows) as quarantined_rows
                from batches where verdict <> 'candidate' group by source_key, entity
                """
            )
        }
        served = self._served()
        delivered = newest_of(self._rows(NEWEST_DELIVERIES))
        as_of = date_judged_at(settings.as_of, sources, delivered)
        refusals = self.open_refusals()
        found = []
        for source in sources:
            for entity in source.entities:
                key = (source.source, entity.name)
                row = totals.get(key)
                newest, rows = served.get(key, (None, 0))
                open_here = tuple(
                    item for item in refusals if (item.source_key, item.entity) == key
                )
                freshness = judge_freshness(
                    delivered.get(key),
                    [item.partition_key for item in open_here],
                    as_of,
                    partitioned=entity.partitioned,
                    max_age_hours=entity.max_age_hours,
                )
                found.append(
                    EntityState(
                        source_key=source.source,
                        entity=entity.name,
                        state=freshness.state,
                        newest=newest,
                        lag_days=freshness.lag_days,
                        accepted_batches=0 if row is None else int(row["accepted_batches"]),
                        refused_batches=0 if row is None else int(row["refused_batches"]),
                        physical_rows=0 if row is None else int(row["physical_rows"]),
                        landed_rows=0 if row is None else int(row["landed_rows"]),
                        quarantined_rows=0 if row is None else int(row["quarantined_rows"]),
                        served_rows=rows,
                        refusals=open_here,
                        keeps_serving=self._keeps_serving(settings, source, entity),
                    )
                )
        return tuple(found)

    def _keeps_serving(
        self, settings: Settings, source: SourceConfig, entity: EntityConfig
    ) -> bool:
        """By the rule of the contract check; a run that was told to block knows it by its tag."""
        if not self.exists():
            return False
        ledger = Ledger(self._path, create=False)
        is_good = what_is_served(ledger, source, entity) is Served.GOOD
        return is_good and not blocks(settings, source, entity)

    def _served(self) -> dict[tuple[str, str], tuple[str, int]]:
        rows = self._rows(
            f"""
            select source_key, entity,
                coalesce(
                    max(nullif(partition_key, '{UNDATED}')), '{UNDATED}'
                ) as newest,
                sum(landed_rows) as served_rows
            from (
                select *, row_number() over (
                    partition by source_key, entity, partition_key order by arrival_no desc
                ) as place
                from batches where verdict = 'accepted'
            )
            where place = 1
            group by source_key, entity
            """
        )
        return {
            (str(row["source_key"]), str(row["entity"])): (
                str(row["newest"]),
                int(row["served_rows"]),
            )
            for row in rows
        }

    def days_with_rows(self, source: str, entity: str) -> frozenset[date]:
        """Business dates of an entity that landing ever accepted rows for."""
        return frozenset(
            date.fromisoformat(str(row["partition_key"]))
            for row in self._rows(
                "select distinct partition_key from batches where source_key = ? and entity = ?"
                " and verdict = 'accepted' and landed_rows > 0 and partition_key <> ?",
                (source, entity, UNDATED),
            )
        )

    def open_refusals(self) -> tuple[OpenRefusal, ...]:
        """Refusals that nothing replaced yet, by source, entity and partition."""
        counted: dict[str, list[tuple[str, int]]] = {}
        for row in self._rows("select batch_id, reason_code, rows from quarantined_rows"):
            counted.setdefault(str(row["batch_id"]), []).append(
                (str(row["reason_code"]), int(row["rows"]))
            )
        return tuple(
            OpenRefusal(
                source_key=str(row["source_key"]),
                entity=str(row["entity"]),
                partition_key=str(row["partition_key"]),
                batch_id=str(row["batch_id"]),
                reason=str(row["reason"]),
                refused_at=datetime.fromisoformat(row["refused_at"]).astimezone(UTC),
                rows_by_reason=tuple(sorted(counted.get(str(row["batch_id"]), []))),
                rows=int(row["physical_rows"] or 0),
            )
            for row in self._rows(
                "select open_refusals.*, batches.physical_rows from open_refusals"
                " left join batches on batches.batch_id = open_refusals.batch_id"
                " order by open_refusals.source_key, open_refusals.entity,"
                " open_refusals.partition_key"
            )
        )

    def waived_refusals(self) -> tuple[WaivedRefusal, ...]:
        """Waivers that stand: nothing was delivered for their partition since."""
        known = self._rows("select 1 from sqlite_master where type = 'table' and name = 'waivers'")
        if not known:
            return ()
        return tuple(
            WaivedRefusal(
                source_key=str(row["source_key"]),
                entity=str(row["entity"]),
                partition_key=str(row["partition_key"]),
                batch_id=str(row["batch_id"]),
                rows=int(row["rows"]),
                reason=str(row["reason"]),
                because=str(row["because"]),
                waived_at=datetime.fromisoformat(row["waived_at"]).astimezone(UTC),
            )
            for row in self._rows(
                "select * from waivers where ended_at is null"
                " order by source_key, entity, partition_key"
            )
        )

    def candidates(self) -> int:
        """Batches that a killed run announced and never settled."""
        rows = self._rows("select count(*) as found from batches where verdict = 'candidate'")
        return int(rows[0]["found"]) if rows else 0

    def check_counts(self) -> CheckCounts:
        """How the newest result of every check reads."""
        rows = self._rows(
            "select outcome, severity = 'critical' as closes, count(*) as checks"
            " from check_results group by outcome, closes"
        )
        totals = {"passed": 0, "failed": 0, "could_not_run": 0}
        warnings = 0
        for row in rows:
            outcome, checks = str(row["outcome"]), int(row["checks"])
            totals[outcome] = totals.get(outcome, 0) + checks
            if outcome != "passed" and not row["closes"]:
                warnings += checks
        return CheckCounts(**totals, warnings=warnings)

    def failed_checks(self) -> tuple[FailedCheck, ...]:
        """Checks whose newest result is not *passed*, those that close a gate first."""
        return tuple(
            FailedCheck(
                asset=str(row["asset"]),
                check_name=str(row["check_name"]),
                expectation=str(row["expectation"]),
                column=row["column_name"] or None,
                severity=str(row["severity"]),
                outcome=str(row["outcome"]),
                unexpected_rows=row["unexpected_rows"],
                evaluated_rows=row["evaluated_rows"],
                because=str(row["because"]),
            )
            for row in self._rows(
                "select * from check_results where outcome <> 'passed'"
                " order by severity <> 'critical', asset, check_name, expectation"
            )
        )

    def landing_of(self, run_id: str) -> RunLanding:
        """What the deliveries of one run became."""
        rows = self._rows(
            """
            select deliveries.outcome, count(*) as batches, sum(batches.landed_rows) as landed
            from deliveries left join batches on batches.batch_id = deliveries.batch_id
            where deliveries.run_id = ? group by deliveries.outcome
            """,
            (run_id,),
        )
        found = {str(row["outcome"]): row for row in rows}

        def batches(outcome: str) -> int:
            return int(found[outcome]["batches"]) if outcome in found else 0

        accepted = found.get("accepted")
        return RunLanding(
            accepted=batches("accepted"),
            unchanged=batches("unchanged"),
            refused=batches("refused"),
            new_rows=0 if accepted is None else int(accepted["landed"] or 0),
        )
