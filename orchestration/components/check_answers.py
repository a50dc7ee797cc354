"""What checks said last, by time.

Dagster knows a check's newest record by its number, and numbers follow the order in which runs
were created: a run that waited in the queue answers under a lower one than a run that was
created later and went first. Reads Dagster's table of check executions, where all checks are
asked at once; `tests/pipeline/test_guard_and_queue.py` is the contract test. What follows from
an answer is the guard's question.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy import RowMapping, Select, and_, func, select

_ROW = AssetCheckExecutionsTable.c
_IS_PLANNED = _ROW.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value
_COLUMNS = (
    *(_ROW.id, _ROW.asset_key, _ROW.check_name, _ROW.run_id, _ROW.execution_status),
    *(_ROW.evaluation_event, _ROW.evaluation_event_timestamp, _ROW.create_timestamp),
    _ROW.partition,
)


class ForeignStorageError(RuntimeError):
    """The instance keeps its events where no SQL can ask for them."""


def last_words(
    instance: dg.DagsterInstance, checks: Collection[dg.AssetCheckKey]
) -> Mapping[dg.AssetCheckKey, AssetCheckExecutionRecord]:
    """The last answer of each check, or what the last run that began planned and did not answer.

    A check that only runs which have not begun have planned is left out: it has said nothing.
    Raises ForeignStorageError for an instance without a SQL event log.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise ForeignStorageError(
            f"the answers of checks lie in {type(storage).__name__}, which this product cannot "
            "ask; nothing was built; use the instance of dagster.yaml"
        )
    with storage.index_connection() as connection:
        answers = connection.execute(newest_answers()).mappings().all()
        plans = connection.execute(select(*_COLUMNS).where(_IS_PLANNED)).mappings().all()
    began = _began(instance, sorted({str(row["run_id"]) for row in plans}))
    said = [(_seconds(row), row) for row in answers]
    said += [(at, row) for row in plans if (at := began[str(row["run_id"])]) is not None]
    asked = set(checks)
    newest: dict[dg.AssetCheckKey, tuple[float, int, RowMapping]] = {}
    for at, row in said:
        asset = dg.AssetKey.from_db_string(row["asset_key"])
        key = None if asset is None else dg.AssetCheckKey(asset, str(row["check_name"]))
        if key in asked and (key not in newest or newest[key][:2] < (at, row["id"])):
            newest[key] = (at, int(row["id"]), row)
    return {
        key: AssetCheckExecutionRecord.from_db_row(row, key=key)
        for key, (_, _, row) in newest.items()
    }


def newest_answers() -> Select[tuple[object, ...]]:
    """SQL for the last answer of every check; of two at one moment it gives both."""
    latest = (
        select(
            _ROW.asset_key,
            _ROW.check_name,
            func.max(_ROW.evaluation_event_timestamp).label("said_at"),
        )
        .where(~_IS_PLANNED)
        .group_by(_ROW.asset_key, _ROW.check_name)
        .subquery()
    )
    return select(*_COLUMNS).join(
        latest,
        and_(
            ~_IS_PLANNED,
            _ROW.asset_key == latest.c.asset_key,
            _ROW.check_name == latest.c.check_name,
            _ROW.evaluation_event_timestamp == latest.c.said_at,
        ),
    )


def _began(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> dict[str, float | None]:
    """When each run began; None for one that has not."""
    if not run_ids:
        return {}  # no id at all would ask for every run
    records = instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids)))
    found = {record.dagster_run.run_id: record.start_time for record in records}
    # Nobody can say any more whether a run that was deleted had begun.
    return {run_id: found.get(run_id, 0.0) for run_id in run_ids}


def _seconds(row: RowMapping) -> float:
    at = row["evaluation_event_timestamp"]
    return float(at.replace(tzinfo=UTC).timestamp())
