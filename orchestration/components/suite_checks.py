"""Suites as asset checks: one op judges a whole layer, one check a table.

A suite names the asset it judges. Its critical expectations are the blocking check
`expectations`; the rest are `plausibility`, which warns. Suites lie in `expectations/`,
judging in `orchestration.quality`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import dagster as dg
import duckdb

from orchestration.components.build_chain import REBUILD_TAG, raise_if_damaged, source_contents
from orchestration.components.run_state import assert_run_goes_on, open_state
from orchestration.components.step_errors import quoting_no_data
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.failpoints import Place, reach
from orchestration.file_lock import hold_file
from orchestration.landing.ledger import CheckRecord, Ledger
from orchestration.settings import Settings
from orchestration.warehouse.answers import Answer, keep_answers, read_kept
from orchestration.warehouse.manifest import load_manifest

if TYPE_CHECKING:
    from orchestration.quality import SuiteVerdict, TableSuite

_Results = Iterator[tuple[dg.AssetCheckKey, dg.AssetCheckResult]]

EXPECTATIONS_CHECK = "expectations"
PLAUSIBILITY_CHECK = "plausibility"


def suite_checks(layer: str, suites: Mapping[str, "TableSuite"]) -> dg.AssetChecksDefinition:
    """Checks of every suite of a layer; `suites` maps an asset's key to its suite."""
    specs = []
    for asset, suite in sorted(suites.items()):
        key = dg.AssetKey(asset.split("/"))
        specs.append(
            dg.AssetCheckSpec(
                EXPECTATIONS_CHECK,
                asset=key,
                blocking=True,
                description=suite.description or f"What one {suite.grain} promises.",
                metadata={"suite": f"expectations/{layer}", "grain": suite.grain},
            )
        )
        if any(item.severity != "critical" for item in suite.expectations):
            specs.append(
                dg.AssetCheckSpec(
                    PLAUSIBILITY_CHECK,
                    asset=key,
                    description="Expectations that warn and stop nothing.",
                )
            )

    @dg.multi_asset_check(name=f"judge_{layer}", specs=specs, can_subset=True, pool=WAREHOUSE_POOL)
    @quoting_no_data
    def judge(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        settings, ledger = open_state()
        run = context.run
        asked = {key.asset_key for key in context.selected_asset_check_keys}
        # Who asks for a check alone, or for everything anew, wants it run.
        delivered = asked.intersection(context.job_def.asset_layer.executable_asset_keys)
        verdicts, answers = judge_tables(
            settings,
            ledger,
            {key.to_user_string() for key in asked},
            suites,
            Session(
                layer,
                run.run_id,
                partial(assert_run_goes_on, context.instance, run.run_id),
                frozenset()
                if REBUILD_TAG in run.tags
                else frozenset(key.to_user_string() for key in delivered),
            ),
        )
        results = [_results(asset, verdict) for asset, verdict in verdicts.items()]
        results += [_answered_before(asset, answer) for asset, answer in answers.items()]
        for check, result in chain.from_iterable(results):
            if check in context.selected_asset_check_keys:
                yield result

    return judge


@dataclass(frozen=True)
class Session:
    """Who judges: a layer's gate in a run. `goes_on` raises when the run was ended."""

    layer: str
    run_id: str
    goes_on: Callable[[], None]
    may_stand: AbstractSet[str] = frozenset()
    """Assets of which an answer stands that was given to the very rows that are there."""


def judge_tables(
    settings: Settings,
    ledger: Ledger,
    assets: AbstractSet[str],
    suites: Mapping[str, "TableSuite"],
    session: Session,
) -> tuple[dict[str, "SuiteVerdict"], dict[str, Answer]]:
    """Verdict on each asset's table by its suite, recorded in the ledger; assets by name.

    Beside them the answers that stand, of the assets that were not judged again. Raises
    DamagedWarehouseError when something could not run because the file is damaged.
    """
    from orchestration.quality import Outcome, TableCheck, check_database

    with hold_file(settings.warehouse_lock_path, f"run {session.run_id}"):
        session.goes_on()
        reach(Place.GATE_OPENED)
        kept = _kept_answers(settings, ledger, {asset: suites[asset] for asset in assets})
        standing = {
            asset: answer for asset, answer in kept.standing.items() if asset in session.may_stand
        }
        wanted = sorted(assets - set(standing))
        checks = []
        for asset in wanted:
            schema, table = asset.split("/")[-2:]
            checks.append(TableCheck(suites[asset], schema, table))
        verdicts = check_database(
            checks,
            settings.warehouse_path,
            readable=[settings.landing_dir, settings.ledger_export_dir],
            search_path=settings.home,
            memory_limit=settings.engine_memory,
        )
        if any(verdict.outcome is Outcome.COULD_NOT_RUN for verdict in verdicts):
            raise_if_damaged(settings)
        found = dict(zip(wanted, verdicts, strict=True))
        reach(Place.GATE_JUDGED)
        session.goes_on()
        for asset, verdict in found.items():
            ledger.record_checks(session.run_id, _records(session.layer, asset, verdict))
            reach(Place.GATE_RECORDED)
        # Behind the ledger: an answer that stands is not written there again.
        _keep_answers(settings, session.run_id, found, kept.bases)
    return found, standing


@dataclass(frozen=True)
class _Kept:
    """What the answers of suites would rest on now, and the answers that do, by asset."""

    bases: Mapping[str, str]
    standing: Mapping[str, Answer]


def _kept_answers(settings: Settings, ledger: Ledger, suites: Mapping[str, "TableSuite"]) -> _Kept:
    manifest = load_manifest(settings)
    try:
        kept = read_kept(settings, manifest, source_contents(settings, ledger, manifest))
    except duckdb.Error:
        # Judging says by itself what is wrong with the file.
        return _Kept({}, {})
    bases = {
        asset: basis
        for asset, suite in suites.items()
        if (basis := kept.bases.of_suite("/".join(asset.split("/")[-2:]), suite.model_dump_json()))
        is not None
    }
    standing = {
        asset: answer
        for asset, basis in bases.items()
        if (answer := kept.answers.get(_name(asset))) is not None and answer.basis == basis
    }
    return _Kept(bases, standing)


def _keep_answers(
    settings: Settings,
    run_id: str,
    verdicts: Mapping[str, "SuiteVerdict"],
    bases: Mapping[str, str],
) -> None:
    """Keep the answers without a failure or a warning; of any other none is left."""
    passed = {
        _name(asset): Answer(bases[asset], run_id, verdict.numbers())
        for asset, verdict in verdicts.items()
        if asset in bases and verdict.outcome.opens_gate and not verdict.warnings
    }
    keep_answers(settings, passed, forget=map(_name, verdicts))


def _name(asset: str) -> str:
    return f"{asset} / {EXPECTATIONS_CHECK}"


def answered_before(outcome: str, run_id: str) -> str:
    """How a check says that its answer is of an earlier run."""
    return f"{outcome}: in run {run_id[:8]}, and nothing that it reads was built since"


def _records(layer: str, asset: str, verdict: "SuiteVerdict") -> Sequence[CheckRecord]:
    records = [
        CheckRecord(
            layer=layer,
            asset=asset,
            check_name=EXPECTATIONS_CHECK,
            expectation=result.expectation,
            column_name=result.column,
            severity=result.severity,
            outcome=result.outcome.value,
            evaluated_rows=result.evaluated_rows,
            unexpected_rows=result.unexpected_rows,
            observed=result.observed,
            because=result.because,
            engine="great_expectations",
        )
        for result in verdict.results
    ]
    if records:
        return records
    return [
        CheckRecord(
            layer=layer,
            asset=asset,
            check_name=EXPECTATIONS_CHECK,
            expectation="suite",
            column_name=None,
            severity="critical",
            outcome=verdict.outcome.value,
            evaluated_rows=None,
            unexpected_rows=None,
            observed=None,
            because=verdict.message,
            engine="great_expectations",
        )
    ]


def _answered_before(asset: str, answer: Answer) -> _Results:
    """The results of a suite that passed on the very rows that stand, without a warning."""
    key = dg.AssetKey(asset.split("/"))
    said: dict[str, int | float | str] = {"outcome": "passed", "answered_by_run": answer.run_id}
    for check, severity, metadata in (
        (EXPECTATIONS_CHECK, dg.AssetCheckSeverity.ERROR, {**said, **answer.numbers}),
        (PLAUSIBILITY_CHECK, dg.AssetCheckSeverity.WARN, {**said, "warnings": 0}),
    ):
        yield (
            dg.AssetCheckKey(key, check),
            dg.AssetCheckResult(
                asset_key=key,
                check_name=check,
                passed=True,
                severity=severity,
                description=answered_before("passed", answer.run_id),
                metadata=metadata,
            ),
        )


def _results(asset: str, verdict: "SuiteVerdict") -> _Results:
    key = dg.AssetKey(asset.split("/"))
    yield (
        dg.AssetCheckKey(key, EXPECTATIONS_CHECK),
        dg.AssetCheckResult(
            asset_key=key,
            check_name=EXPECTATIONS_CHECK,
            passed=verdict.outcome.opens_gate,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{verdict.outcome.value.replace('_', ' ')}: {verdict.message}",
            metadata={"outcome": verdict.outcome.value, **verdict.numbers()},
        ),
    )
    warnings = verdict.warnings
    yield (
        dg.AssetCheckKey(key, PLAUSIBILITY_CHECK),
        dg.AssetCheckResult(
            asset_key=key,
            check_name=PLAUSIBILITY_CHECK,
            passed=not warnings,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(item.message for item in warnings) or "nothing to warn about",
            metadata={"warnings": len(warnings)},
        ),
    )
