"""What a step asks about its own run: the settings, the ledger, whether it still counts.

A step that outlives its run would go on writing; before anything becomes visible it asks
here. Locks belong to `orchestration.file_lock`, the run's own process to `run_worker`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg

from orchestration.components.run_worker import end_with_worker, worker_lives
from orchestration.landing.ledger import Ledger
from orchestration.settings import Settings, apply_environment, load_settings

AS_OF_TAG = "shopthread/as_of"
"""Run tag: judge the data as of this business date, whatever SHOPTHREAD_AS_OF says."""

BLOCK_TAG = "shopthread/block_on_bad_batch"
"""Run tag: `<source>/<entity>` names, comma separated, as SHOPTHREAD_BLOCK_ON_BAD_BATCH."""


class RunEndedError(RuntimeError):
    """The run of this step was ended while the step went on; it wrote nothing more."""


def open_state(run_tags: Mapping[str, str] | None = None) -> tuple[Settings, Ledger]:
    """Settings of this process, handed to the libraries that read them, and the ledger.

    What a run's tags say stands before what the environment says, so that a run means the
    same in the queue, in a command's process and when the UI repeats it. Every step comes by
    here before it does anything, so from here on it ends with the worker of its run.
    """
    end_with_worker()
    settings = _with_tags(load_settings(), run_tags or {})
    apply_environment(settings)
    return settings, Ledger(settings.ledger_path, settings.sqlite_timeout_seconds)


def _with_tags(settings: Settings, tags: Mapping[str, str]) -> Settings:
    changed: dict[str, Any] = {}
    if AS_OF_TAG in tags:
        changed["as_of"] = date.fromisoformat(tags[AS_OF_TAG])
    if BLOCK_TAG in tags:
        named = {name.strip() for name in tags[BLOCK_TAG].split(",") if name.strip()}
        changed["strict_entities"] = settings.strict_entities | named
    return settings.model_copy(update=changed)


def assert_run_goes_on(instance: dg.DagsterInstance, run_id: str) -> None:
    """Raise RunEndedError unless the run goes on, by the instance's record, and its worker lives.

    Nobody may have recorded yet that the worker was killed.
    """
    if not worker_lives():
        raise RunEndedError(
            f"the process that executed run {run_id} has ended; this step stops before it makes "
            "anything visible; the next run takes over"
        )
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not dg.DagsterRunStatus.STARTED:
        status = "unknown" if run is None else run.status.value
        raise RunEndedError(
            f"run {run_id} is {status}; this step stops before it makes anything visible; "
            "the next run takes over"
        )


def quiet_libraries() -> Settings:
    """Hand the settings to libraries that read the environment before anything imports them."""
    settings = load_settings()
    apply_environment(settings)
    return settings
