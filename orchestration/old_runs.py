"""Which runs may leave the history: old ones that are over and that nobody needs.

Decides only. Where runs lie, which of them are needed and how one is removed belongs to
`orchestration.components.run_history`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

REMOVED_AT_ONCE = 200
"""A history that was never tidied must not hold up the run that tidies it first."""


@dataclass(frozen=True)
class PastRun:
    """One run, or what a removal that was broken off left of it."""

    run_id: str
    last_changed_at: datetime
    is_over: bool


def runs_to_remove(
    runs: Iterable[PastRun],
    *,
    needed: Collection[str],
    now: datetime,
    keep_days: int,
    at_most: int = REMOVED_AT_ONCE,
) -> tuple[str, ...]:
    """Ids of the runs that may go, the oldest first.

    A run that is not over stays whatever its age, and so does one whose id is in `needed`.
    """
    before = now - timedelta(days=keep_days)
    spare = sorted(
        (run.last_changed_at, run.run_id)
        for run in runs
        if run.is_over and run.last_changed_at < before and run.run_id not in needed
    )
    return tuple(run_id for _, run_id in spare[:at_most])
