"""The source component: one landing asset per entity of a `defs.yaml`.

Turns attributes into assets with their two gates. What landing does lies in
`orchestration.landing`, what a contract says in `expectations/landing`; instances lie in
`orchestration/defs/sources`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel

from orchestration.components.calendar import business_dates, days_of, requested_days
from orchestration.components.run_state import assert_run_goes_on, open_state
from orchestration.components.step_errors import quoting_no_data
from orchestration.landing.contract import Column, EntityContract, RowRule
from orchestration.landing.land import Judge, Landing, LandingReport, Verdict
from orchestration.landing.ledger import CheckRecord, Ledger, Refusal
from orchestration.settings import Settings, SettingsError
from orchestration.sources.config import EntityConfig, SourceConfig
from orchestration.sources.files import FileReader

CONTRACT_CHECK = "contract"
LATEST_BATCH_CHECK = "latest_batch"
FRESHNESS_CHECK = "freshness"

_SHOWN_REFUSALS = 3


class LandingSource(dg.Component):
    """A configured system whose entities land as assets `landing/<source>/<entity>`."""

    def __init__(self, source: SourceConfig) -> None:
        self.source = source

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return SourceConfig

    @classmethod
    def load(
        cls, attributes: BaseModel | None, context: dg.ComponentLoadContext
    ) -> "LandingSource":
        del context
        return cls(SourceConfig.model_validate(attributes))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        del context
        return dg.Definitions(
            assets=[landing_asset(self.source, entity) for entity in self.source.entities]
        )


def landing_key(source: str, entity: str) -> dg.AssetKey:
    """Asset key of a landed entity."""
    return dg.AssetKey(["landing", source, entity])


def landing_asset(source: SourceConfig, entity: EntityConfig) -> dg.AssetsDefinition:
    """The asset of one entity, with its contract gate inside the op."""
    key = landing_key(source.source, entity.name)
    metadata: dict[str, str | int] = {
        "source": source.source,
        "vendor": source.vendor,
        "data_origin": source.data_origin,
        "on_bad_batch": entity.on_bad_batch,
        "version_rule": entity.version,
        "cadence": source.cadence,
        "time_zone": source.time_zone,
        "contract": f"expectations/landing/{source.source}.yaml",
    }
    if source.notice:
        metadata["notice"] = source.notice

    @dg.multi_asset(
        name=f"land_{source.source}__{entity.name}",
        specs=[
            dg.AssetSpec(
                key,
                description=entity.description,
                group_name="landing",
                kinds={"parquet", "python"},
                owners=[f"team:{source.owner}"],
                metadata=metadata,
                tags={"source": source.source, "channel": entity.channel},
                # A refused batch under `block` materialises nothing.
                skippable=True,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                CONTRACT_CHECK,
                asset=key,
                blocking=True,
                description="What landing serves keeps the contract of its source.",
            ),
            dg.AssetCheckSpec(
                LATEST_BATCH_CHECK,
                asset=key,
                description="The newest batch was accepted without a warning.",
            ),
            dg.AssetCheckSpec(
                FRESHNESS_CHECK,
                asset=key,
                description="The newest accepted data is young enough, as of the data's date.",
            ),
        ],
        partitions_def=business_dates() if entity.partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if entity.partitioned else None,
    )
    @quoting_no_data
    def land(context: dg.AssetExecutionContext) -> Iterator[object]:
        settings, ledger = open_state(context.run.tags)
        report = _land(context, settings, ledger, source, entity)
        refusals = ledger.open_refusals(source.source, entity.name)
        current = ledger.current(source.source, entity.name)
        # A tightened contract may refuse the very batch that landing serves.
        condemned = any(
            item.partition_key in current and current[item.partition_key].batch_id == item.batch_id
            for item in refusals
        )
        serves = bool(current) and not condemned
        contract = contract_check(source, entity, settings, refusals, report, serves=serves)
        assert_run_goes_on(context.instance, context.run.run_id)
        if contract.passed or not _blocks(settings, source, entity):
            yield dg.MaterializeResult(asset_key=key, metadata=_metadata(settings, report))
            _describe_days(context, key, report)
        yield contract
        yield latest_batch_check(key, report, refusals)
        yield freshness_check(key, settings, ledger, source, entity)

    return land


def _land(
    context: dg.AssetExecutionContext,
    settings: Settings,
    ledger: Ledger,
    source: SourceConfig,
    entity: EntityConfig,
) -> LandingReport:
    landing = open_landing(settings, ledger, source, entity, context.run.run_id)
    landing.still_ours = partial(assert_run_goes_on, context.instance, context.run.run_id)
    days: Sequence[date] | None = None
    if entity.partitioned:
        days = requested_days(context)
        if days is None:
            days = [date.fromisoformat(name) for name, _ in landing.pending()]
    report = landing.land(days)
    if report.verdict is not None:
        records = report.verdict.checks or (_whole_batch_record(source, entity, report.verdict),)
        ledger.record_checks(context.run.run_id, records)
    for item in report.refused[:_SHOWN_REFUSALS]:
        context.log.warning("%s %s was refused: %s", entity.name, item.partition, item.reason)
    return report


def _whole_batch_record(
    source: SourceConfig, entity: EntityConfig, verdict: Verdict
) -> CheckRecord:
    """The result of a batch that was refused before any expectation was asked."""
    return CheckRecord(
        layer="landing",
        asset=f"landing/{source.source}/{entity.name}",
        check_name=CONTRACT_CHECK,
        expectation="whole_batch",
        column_name=None,
        severity="critical",
        outcome=verdict.outcome,
        evaluated_rows=None,
        unexpected_rows=None,
        observed=None,
        because=verdict.message,
        engine="landing",
    )


def open_landing(
    settings: Settings,
    ledger: Ledger,
    source: SourceConfig,
    entity: EntityConfig,
    run_id: str,
) -> Landing:
    """Landing of one entity, judged by its suite in `expectations/landing`.

    Raises SettingsError when a live source would be tokenised with the public demo key.
    """
    if source.data_origin == "live" and settings.uses_demo_key:
        raise SettingsError(
            f"{source.source} is a live source and SHOPTHREAD_IDENTITY_KEY is the public demo "
            "key, with which anybody could compute its tokens; nothing was landed; set a key "
            "of your own"
        )
    return Landing(
        settings=settings,
        ledger=ledger,
        source=source,
        entity=entity,
        contract=entity_contract(settings, source.source, entity.name),
        reader=FileReader(
            source.source,
            entity.name,
            settings.panel_files()
            if source.reader.path is None
            else settings.project_dir / source.reader.path,
            settings.inbox_dir,
        ),
        judge=landing_judge(settings, source.source, entity.name),
        run_id=run_id,
    )


def _suite_path(settings: Settings, source: str) -> Path:
    return settings.expectations_dir / "landing" / f"{source}.yaml"


def entity_contract(settings: Settings, source: str, entity: str) -> EntityContract:
    """The part of a landing suite that shapes rows."""
    from orchestration.quality import load_suite

    suite = load_suite(_suite_path(settings, source)).tables[entity]
    limit = suite.max_quarantined_share
    return EntityContract(
        columns=tuple(
            Column(name, column.type, column.nullable, column.identifier_type, column.description)
            for name, column in suite.columns.items()
        ),
        row_rules=tuple(RowRule(rule.reason, rule.rows) for rule in suite.quarantine),
        quarantined_share_allowed=0.0 if limit is None else limit.share,
        quarantined_rows_allowed=0 if limit is None else limit.or_rows,
        suite_fingerprint=suite.model_dump_json(),
    )


def landing_judge(settings: Settings, source: str, entity: str) -> Judge:
    """Judges a candidate with the entity's suite."""

    def judge(database: Path, table: str, delivered: Path) -> Verdict:
        from orchestration.quality import Layout, load_suite, run_suite

        suite = load_suite(_suite_path(settings, source)).tables[entity]
        verdict = run_suite(
            suite, database, "main", table, layout=Layout.DELIVERED, readable=[delivered]
        )
        asset = f"landing/{source}/{entity}"
        return Verdict(
            verdict.outcome.value,
            verdict.message.removeprefix(f"{asset}: "),
            tuple(
                CheckRecord(
                    layer="landing",
                    asset=asset,
                    check_name=CONTRACT_CHECK,
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
            ),
        )

    return judge


# -- what the UI is told ----------------------------------------------------------------


def _blocks(settings: Settings, source: SourceConfig, entity: EntityConfig) -> bool:
    return (
        entity.on_bad_batch == "block"
        or f"{source.source}/{entity.name}" in settings.strict_entities
    )


def contract_check(
    source: SourceConfig,
    entity: EntityConfig,
    settings: Settings,
    refusals: Sequence[Refusal],
    report: LandingReport,
    *,
    serves: bool,
) -> dg.AssetCheckResult:
    """Judge what landing serves, over every refusal that is still open.

    `serve_last_good` is closed only while there is no last good state; `block` is closed
    by any open refusal, of whatever day.
    """
    blocks = _blocks(settings, source, entity)
    passed = not refusals or (serves and not blocks)
    verdict = report.verdict
    numbers: dict[str, int | str | bool] = {
        "open_refusals": len(refusals),
        "serves_last_good": serves and bool(refusals),
        "expectations": 0 if verdict is None else len(verdict.checks),
        "expectations_failed": 0
        if verdict is None
        else sum(check.outcome == "failed" for check in verdict.checks),
        "expectations_could_not_run": 0
        if verdict is None
        else sum(check.outcome == "could_not_run" for check in verdict.checks),
        "rows_delivered": report.total("physical_rows"),
        "rows_landed": report.total("landed_rows"),
        "rows_quarantined": report.total("quarantined_rows"),
        "policy": "block" if blocks else "serve_last_good",
    }
    return dg.AssetCheckResult(
        asset_key=landing_key(source.source, entity.name),
        check_name=CONTRACT_CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_sentence(source.source, entity.name, refusals, serves=serves),
        metadata=numbers,
    )


def _sentence(source: str, entity: str, refusals: Sequence[Refusal], *, serves: bool) -> str:
    if not refusals:
        return f"{source}/{entity}: everything that landing serves keeps the contract"
    shown = "; ".join(f"{item.partition_key}: {item.reason}" for item in refusals[:_SHOWN_REFUSALS])
    more = len(refusals) - _SHOWN_REFUSALS
    tail = f"; and {more} more" if more > 0 else ""
    kept = (
        "landing still serves the last good batch"
        if serves
        else "landing has no batch that keeps the contract"
    )
    return (
        f"{source}/{entity}: refused {shown}{tail}. The batches are kept in quarantine; {kept}. "
        "Deliver a repaired batch for the same partition"
    )


def latest_batch_check(
    key: dg.AssetKey, report: LandingReport, refusals: Sequence[Refusal]
) -> dg.AssetCheckResult:
    """Warn when the newest batch was refused, or was accepted with a warning."""
    warnings = list(report.warnings)
    if report.verdict is not None:
        warnings += [
            f"{check.expectation} on {check.column_name or 'the table'} {check.outcome}"
            for check in report.verdict.checks
            if check.severity != "critical" and check.outcome != "passed"
        ]
    passed = not refusals and not warnings
    text = "the newest batch was accepted" if passed else "; ".join(warnings[:_SHOWN_REFUSALS])
    if refusals:
        text = "; ".join(
            f"{item.partition_key}: {item.reason}" for item in refusals[:_SHOWN_REFUSALS]
        )
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=LATEST_BATCH_CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=text,
        metadata={
            "refused_batches": len(report.refused),
            "open_refusals": len(refusals),
            "warnings": len(warnings),
        },
    )


def freshness_check(
    key: dg.AssetKey,
    settings: Settings,
    ledger: Ledger,
    source: SourceConfig,
    entity: EntityConfig,
) -> dg.AssetCheckResult:
    """Judge the age of the newest accepted data at the data's own date, not at today's."""
    current = ledger.current(source.source, entity.name)
    if not current:
        state, lag = "missing", -1
    elif not entity.partitioned:
        refused = ledger.open_refusals(source.source, entity.name)
        state, lag = ("stale" if refused else "fresh"), 0
    else:
        newest = date.fromisoformat(max(name for name in current if name != "undated"))
        offered = [
            date.fromisoformat(item.partition_key)
            for item in ledger.open_refusals(source.source, entity.name)
            if item.partition_key != "undated"
        ]
        as_of = settings.as_of or max([newest, *offered])
        lag = (as_of - newest).days
        state = "fresh" if lag * 24 <= entity.max_age_hours and not offered else "stale"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=FRESHNESS_CHECK,
        passed=state == "fresh",
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{state}: the newest accepted data is {max(lag, 0)} days behind"
        if state != "missing"
        else "missing: nothing has ever been accepted",
        metadata={
            "state": state,
            "lag_days": max(lag, 0),
            "max_age_hours": entity.max_age_hours,
            "judged_at": "the newest date among the deliveries, or SHOPTHREAD_AS_OF",
        },
    )


def _metadata(settings: Settings, report: LandingReport) -> dict[str, Any]:
    contract = entity_contract(settings, report.source, report.entity)
    says = {column.landed_name: column.description for column in contract.columns}
    partitioned = bool(report.partitions) and report.partitions[0].partition != "snapshot"
    accepted = [item for item in report.partitions if item.outcome == "accepted"]
    return {
        "dagster/row_count": report.total("landed_rows"),
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(name, kind.lower(), description=says.get(name))
                for name, kind in contract.landed_columns(partitioned=partitioned)
            ]
        ),
        "rows_delivered": report.total("physical_rows"),
        "rows_landed": report.total("landed_rows"),
        "rows_quarantined": report.total("quarantined_rows"),
        "batches_accepted": len(accepted),
        "batches_unchanged": sum(item.outcome == "unchanged" for item in report.partitions),
        "batches_refused": len(report.refused),
        "newest_partition": report.partitions[-1].partition if report.partitions else "none",
        "newest_batch": report.partitions[-1].batch_id if report.partitions else "none",
    }


def _describe_days(
    context: dg.AssetExecutionContext, key: dg.AssetKey, report: LandingReport
) -> None:
    """Put each day's verdict on that day's materialisation."""
    requested = days_of(context)
    for item in report.partitions:
        if item.partition in requested:
            context.add_asset_metadata(
                {
                    "verdict": item.outcome,
                    "batch": item.batch_id,
                    "rows_delivered": item.physical_rows,
                    "rows_landed": item.landed_rows,
                    "rows_quarantined": item.quarantined_rows,
                    **({"reason": item.reason} if item.reason else {}),
                },
                asset_key=key,
                partition_key=item.partition,
            )
