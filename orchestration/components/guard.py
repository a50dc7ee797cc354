"""The guard: nothing is built or published behind a closed gate.

Dagster's blocking checks hold inside one run. The guard holds between runs: at the start
of an op it walks the asset graph upwards and asks, for the latest materialisation of
each asset, whether every blocking check passed for exactly that one. A check that did
not run has not passed. Which checks are blocking is declared with the checks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from orchestration.components.check_answers import last_words
from orchestration.landing.ledger import Ledger

OVERRIDE_TAG = "shopthread/override_gates"
"""Run tag by which an operator builds behind a closed gate; its value is the reason."""

_SHOWN = 5
_NO_RESULT = "was planned and has no result"
_FAILED = "failed"
_COULD_NOT_RUN = "could not run"


class GateClosedError(dg.Failure):
    """An upstream gate is closed; names the check and the command that opens it."""


@dataclass(frozen=True)
class ClosedGate:
    """One reason not to build: an asset, maybe one of its checks, and what is wrong."""

    asset: str
    check: str | None
    problem: str

    def __str__(self) -> str:
        name = self.asset if self.check is None else f"{self.asset} / {self.check}"
        return f"{name} {self.problem}"


@cache
def project_graph() -> AssetGraph:
    """The whole project's graph: a job's own graph lacks what the job does not select."""
    from orchestration.definitions import defs

    return defs.resolve_asset_graph()


def known_checks() -> set[tuple[str, str]]:
    """(asset, check) of every check of the project."""
    return {(key.asset_key.to_user_string(), key.name) for key in project_graph().asset_check_keys}


def closed_gates(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    building: Iterable[dg.AssetKey],
    landing_prefix: str = "landing",
) -> list[ClosedGate]:
    """Every closed gate above the assets about to be built: failures first, then by name."""
    targets = set(building)
    above: set[dg.AssetKey] = set()
    for key in targets:
        above |= graph.get_ancestor_asset_keys(key)
    above -= targets
    ordered = sorted(above, key=lambda key: key.to_user_string())
    records = {
        record.asset_entry.asset_key: record for record in instance.get_asset_records(ordered)
    }
    blocking = {
        key: sorted(
            (
                check
                for check in graph.get_check_keys_for_assets({key})
                if graph.get(check).blocking
            ),
            key=lambda check: check.name,
        )
        for key in ordered
    }
    latest = last_words(instance, [check for checks in blocking.values() for check in checks])
    closed = []
    for key in ordered:
        name = key.to_user_string()
        if key not in graph.materializable_asset_keys:
            continue
        record = records.get(key)
        event = record.asset_entry.last_materialization_record if record is not None else None
        if event is None and key.path[0] != landing_prefix:
            closed.append(ClosedGate(name, None, "was never built"))
            continue
        for check in blocking[key]:
            execution = latest.get(check)
            problem = (
                _problem_of_first_landing(execution)
                if event is None
                else _problem(execution, event.storage_id, event.run_id)
            )
            if problem is not None:
                closed.append(ClosedGate(name, check.name, problem))
    return sorted(closed, key=lambda gate: not gate.problem.startswith((_FAILED, _COULD_NOT_RUN)))


def _problem_of_first_landing(execution: AssetCheckExecutionRecord | None) -> str | None:
    """What keeps an entity closed that never landed.

    A source that never delivered has typed, empty contracts and is open; one whose first
    batch was refused has a failed check, one whose landing broke has no answer.
    """
    if execution is None:
        return None
    if _is_failure(execution):
        return _why(execution)
    is_planned = execution.status is AssetCheckExecutionRecordStatus.PLANNED
    return _no_answer(execution) if is_planned else None


def _problem(
    execution: AssetCheckExecutionRecord | None, storage_id: int, run_id: str
) -> str | None:
    if execution is None:
        return "has not run"
    if _is_failure(execution):
        return _why(execution)
    if execution.status is AssetCheckExecutionRecordStatus.PLANNED:
        return _no_answer(execution)
    if execution.run_id == run_id:
        return None
    evaluation = execution.evaluation
    target = evaluation.target_materialization_data if evaluation is not None else None
    if target is not None and target.storage_id == storage_id:
        return None
    return "has not run for the latest materialisation"


def _no_answer(execution: AssetCheckExecutionRecord) -> str:
    """A planned check without a result: its run broke before it, or still goes on."""
    return (
        f"gave no answer in run {execution.run_id}, which broke before it or still goes on "
        "(read the error of that run)"
    )


def _is_failure(execution: AssetCheckExecutionRecord) -> bool:
    if execution.status is not AssetCheckExecutionRecordStatus.FAILED:
        return False
    evaluation = execution.evaluation
    return evaluation is None or evaluation.severity is dg.AssetCheckSeverity.ERROR


def _why(execution: AssetCheckExecutionRecord) -> str:
    """What a check that closes said: that it failed, or that it could not run."""
    evaluation = execution.evaluation
    if evaluation is None:
        return _COULD_NOT_RUN
    outcome = evaluation.metadata.get("outcome")
    could_run = outcome is None or outcome.value != "could_not_run"
    word = _FAILED if could_run else _COULD_NOT_RUN
    text = evaluation.description
    if not text:
        return word
    return text if text.startswith(word) else f"{word}: {text}"


def pass_gates(
    context: dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    building: Sequence[dg.AssetKey],
    ledger: Ledger,
    graph: Callable[[], AssetGraph] = project_graph,
) -> None:
    """Raise GateClosedError unless every gate above `building` is open.

    The run tag OVERRIDE_TAG lets the op go on; the override is recorded in the ledger
    and shown on the published version.
    """
    closed = closed_gates(context.instance, graph(), building)
    if not closed:
        return
    shown = "; ".join(str(gate) for gate in closed[:_SHOWN])
    more = f"; and {len(closed) - _SHOWN} more" if len(closed) > _SHOWN else ""
    reason = context.run.tags.get(OVERRIDE_TAG)
    names = ", ".join(sorted(key.to_user_string() for key in building)[:3])
    if reason:
        ledger.record_override(context.run.run_id, names, f"{reason} (closed: {shown}{more})")
        context.log.warning("gates overridden (%s): %s%s", reason, shown, more)
        return
    raise GateClosedError(
        description=(
            f"{names} was not built, because a gate before it is closed: {shown}{more}. "
            "The last published version stays served. Repair what the check names and run "
            "job `full` (or `shopthread run`): it opens by itself."
        ),
        metadata={
            "closed_gates": len(closed),
            "first_closed_gate": str(closed[0]),
        },
        allow_retries=False,
    )
