"""The last run and those that go on, read from the instance's file without Dagster.

`status` answers in a fraction of the time that importing Dagster takes. The table is
Dagster's own: when a release changes it, the answer is None and `status` says unknown;
tests/pipeline/test_cli.py would notice.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.file_lock import holder_of
from orchestration.settings import Settings, worker_lock_path

_LAST_RUN = """
    select run_id, pipeline_name, status, start_time, end_time, create_timestamp
    from runs order by id desc limit 1
"""
_GOING_ON = "select run_id from runs where status in ('STARTED', 'CANCELING') order by id"


@dataclass(frozen=True)
class PastRun:
    """One run of the instance. `status` in Dagster's words, lower case."""

    run_id: str
    job: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None


def last_run(settings: Settings) -> PastRun | None:
    """The newest run, or None when there was none or the file cannot be read."""
    rows = _rows(settings, _LAST_RUN)
    if not rows:
        return None
    (row,) = rows
    return PastRun(str(row[0]), str(row[1]), str(row[2]).lower(), _utc(row[3]), _utc(row[4]))


def run_workers(settings: Settings) -> list[str]:
    """Who executes the runs that go on, in words; a daemon that is gone leaves its workers."""
    going_on = [str(row[0]) for row in _rows(settings, _GOING_ON)]
    holders = (holder_of(worker_lock_path(run_id, settings)) for run_id in going_on)
    return [holder for holder in holders if holder is not None]


def _rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    path = settings.dagster_home / "history" / "runs.db"
    if not path.is_file():
        return []
    try:
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
        ) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
