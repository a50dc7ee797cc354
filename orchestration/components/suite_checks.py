"""Suites as asset checks: one op judges a whole layer, one check a table.

A suite names the asset it judges. Its critical expectations are the blocking check
`expectations`; the rest are `plausibility`, which warns. Suites lie in `expectations/`,
judging in `orchestration.quality`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.components.dbt_layer import WAREHOUSE_POOL
from orchestration.components.run_state import assert_run_goes_on, open_state
from orchestration.components.step_errors import quoting_no_data
from orchestration.failpoints import Place, reach
from orchestration.file_lock import hold_file
from orchestration.landing.ledger import CheckRecord

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
        from orchestration.quality import TableCheck, check_database

        settings, ledger = open_state()
        wanted = sorted(
            {key.asset_key.to_user_string() for key in context.selected_asset_check_keys}
        )
        checks = [TableCheck(suites[asset], *asset.split("/")[-2:]) for asset in wanted]
        goes_on = partial(assert_run_goes_on, context.instance, context.run.run_id)
        with hold_file(settings.warehouse_lock_path, f"run {context.run.run_id}"):
            goes_on()
            reach(Place.GATE_OPENED)
            verdicts = check_database(
                checks,
                settings.warehouse_path,
                readable=[settings.landing_dir, settings.ledger_export_dir],
                search_path=settings.home,
            )
        reach(Place.GATE_JUDGED)
        goes_on()
        for asset, verdict in zip(wanted, verdicts, strict=True):
            ledger.record_checks(context.run.run_id, _records(layer, asset, verdict))
            reach(Place.GATE_RECORDED)
            for check, result in _results(asset, verdict):
                if check in context.selected_asset_check_keys:
                    yield result

    return judge


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
