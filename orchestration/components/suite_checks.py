"""Suites as asset checks: one op judges a whole layer, one check a table.

A suite names the asset it judges. Its critical expectations are the blocking check
`expectations`; the rest are `plausibility`, which warns. Suites lie in `expectations/`,
judging in `orchestration.quality`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.components.build_chain import raise_if_damaged
from orchestration.components.run_state import assert_run_goes_on, open_state
from orchestration.components.step_errors import quoting_no_data
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.failpoints import Place, reach
from orchestration.file_lock import hold_file
from orchestration.landing.ledger import CheckRecord, Ledger
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.quality import SuiteVerdict, TableSuite

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
        run_id = context.run.run_id
        verdicts = judge_tables(
            settings,
            ledger,
            {key.asset_key.to_user_string() for key in context.selected_asset_check_keys},
            suites,
            Session(layer, run_id, partial(assert_run_goes_on, context.instance, run_id)),
        )
        for asset, verdict in verdicts.items():
            for check, result in _results(asset, verdict):
                if check in context.selected_asset_check_keys:
                    yield result

    return judge


@dataclass(frozen=True)
class Session:
    """Who judges: a layer's gate in a run. `goes_on` raises when the run was ended."""

    layer: str
    run_id: str
    goes_on: Callable[[], None]


def judge_tables(
    settings: Settings,
    ledger: Ledger,
    assets: AbstractSet[str],
    suites: Mapping[str, "TableSuite"],
    session: Session,
) -> dict[str, "SuiteVerdict"]:
    """Verdict on each asset's table by its suite, recorded in the ledger; assets by name.

    Raises DamagedWarehouseError when something could not run because the file is damaged.
    """
    from orchestration.quality import Outcome, TableCheck, check_database

    wanted = sorted(assets)
    checks = []
    for asset in wanted:
        schema, table = asset.split("/")[-2:]
        checks.append(TableCheck(suites[asset], schema, table))
    with hold_file(settings.warehouse_lock_path, f"run {session.run_id}"):
        session.goes_on()
        reach(Place.GATE_OPENED)
        verdicts = check_database(
            checks,
            settings.warehouse_path,
            readable=[settings.landing_dir, settings.ledger_export_dir],
            search_path=settings.home,
            memory_limit=settings.engine_memory,
        )
        if any(verdict.outcome is Outcome.COULD_NOT_RUN for verdict in verdicts):
            raise_if_damaged(settings)
    reach(Place.GATE_JUDGED)
    session.goes_on()
    for asset, verdict in zip(wanted, verdicts, strict=True):
        ledger.record_checks(session.run_id, _records(session.layer, asset, verdict))
        reach(Place.GATE_RECORDED)
    return dict(zip(wanted, verdicts, strict=True))


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


def _results(
    asset: str, verdict: "SuiteVerdict"
) -> Iterator[tuple[dg.AssetCheckKey, dg.AssetCheckResult]]:
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
