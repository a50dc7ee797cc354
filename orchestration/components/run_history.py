"""Remove old runs from the Dagster history, with everything that their steps printed.

Dagster's own `retention:` knows ticks only. Which runs may go is decided in
`orchestration.old_runs`; what is taken from the event log lies in `event_log`. The record of
a run goes last, so that a removal that was broken off is found and finished by the next one.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from orchestration.components.event_log import WarmSqliteEventLogStorage
from orchestration.faults import kind_of
from orchestration.old_runs import PastRun, runs_to_remove
from orchestration.publish import versions
from orchestration.settings import Settings


class ForeignHistoryError(RuntimeError):
    """The instance keeps its events elsewhere, where removing them is somebody else's."""


def tidy_history(context: dg.AssetExecutionContext, settings: Settings) -> None:
    """Remove old runs, and tell it in the log of this run; what goes wrong is a warning.

    History is no reason to fail a run that has published.
    """
    try:
        removed = remove_old_runs(context.instance, settings, datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 (told by its kind, and tried again by the next run)
        context.log.warning(
            "old runs were not removed from the history (%s); no run that is needed was touched, "
            "and the next publish tries again",
            error if isinstance(error, ForeignHistoryError) else kind_of(error),
        )
        return
    if removed:
        context.log.info(
            "removed from the history, with what their steps printed: %d %s that ended more than "
            "%d days ago",
            len(removed),
            "run" if len(removed) == 1 else "runs",
            settings.keep_runs_days,
        )


def remove_old_runs(
    instance: dg.DagsterInstance, settings: Settings, now: datetime
) -> tuple[str, ...]:
    """Remove runs that are older than `keep_runs_days` and not needed; return their ids.

    Raises ForeignHistoryError when the event log is not the one that is shipped.
    """
    events = instance.event_log_storage
    if not isinstance(events, WarmSqliteEventLogStorage):
        raise ForeignHistoryError(
            f"events lie in {type(events).__name__}, which this product does not prune"
        )
    output = settings.dagster_home / "storage"
    before = now - timedelta(days=settings.keep_runs_days)
    runs = [*_finished_before(instance, before), *_left_behind(instance, events, output, before)]
    removable = runs_to_remove(
        runs, needed=needed_runs(events, settings), now=now, keep_days=settings.keep_runs_days
    )
    for run_id in removable:
        shutil.rmtree(output / run_id, ignore_errors=True)
        events.forget_run(run_id)
        instance.run_storage.delete_run(run_id)
    return removable


def needed_runs(events: WarmSqliteEventLogStorage, settings: Settings) -> frozenset[str]:
    """Runs that the guard still reads, and those that published what may be served."""
    return events.runs_with_a_last_word() | {item.manifest.run_id for item in versions(settings)}


def _finished_before(instance: dg.DagsterInstance, before: datetime) -> Iterator[PastRun]:
    finished = dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=before)
    for record in instance.get_run_records(finished):
        ended = record.end_time
        yield PastRun(
            record.dagster_run.run_id,
            record.update_timestamp.replace(tzinfo=UTC)
            if ended is None
            else datetime.fromtimestamp(ended, UTC),
            is_over=True,
        )


def _left_behind(
    instance: dg.DagsterInstance,
    events: WarmSqliteEventLogStorage,
    output: Path,
    before: datetime,
) -> Iterator[PastRun]:
    """Files of runs that have no record any more: the UI's *delete* leaves them."""
    changed: dict[str, float] = {}
    for run_id, path in (
        *((run_id, Path(events.path_for_shard(run_id))) for run_id in events.get_all_run_ids()),
        *((path.name, path) for path in (output.iterdir() if output.is_dir() else ())),
    ):
        if _is_run_id(run_id):
            changed[run_id] = max(changed.get(run_id, 0.0), path.stat().st_mtime)
    old = {run_id: at for run_id, at in changed.items() if at < before.timestamp()}
    if not old:
        return  # no id at all would ask for every run
    known = {run.run_id for run in instance.get_runs(dg.RunsFilter(run_ids=list(old)))}
    for run_id, at in old.items():
        if run_id not in known:
            yield PastRun(run_id, datetime.fromtimestamp(at, UTC), is_over=True)


def _is_run_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
