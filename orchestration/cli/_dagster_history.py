"""The last run that the Dagster instance knows, read from its file without Dagster.

`status` answers in a fraction of the time that importing Dagster takes. The table is
Dagster's own: when a release changes it, the answer is None and `status` says unknown;
tests/pipeline/test_cli.py would notice.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestration.settings import Settings

_LAST_RUN = """
    select run_id, pipeline_name, status, start_time, end_time, create_timestamp
    from runs order by id desc limit 1
"""


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
    path = settings.dagster_home / "history" / "runs.db"
    if not path.is_file():
        return None
    try:
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
        ) as connection:
            row = connection.execute(_LAST_RUN).fetchone()
    except sqlite3.Error:
        return None
    if row is None:
        return None
    return PastRun(str(row[0]), str(row[1]), str(row[2]).lower(), _utc(row[3]), _utc(row[4]))


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
