"""The source component: one landing asset per entity of a `defs.yaml`.

Turns attributes into assets with their two gates. What landing does lies in
`orchestration.landing`, what a contract says in `expectations/landing`; instances lie in
`orchestration/defs/sources`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import BaseModel

from orchestration.components.calendar import business_dates, days_of, requested_days
from orchestration.components.run_state import assert_run_goes_on, open_state
from orchestration.components.step_errors import quoting_no_data
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.landing.contract import (
    Column,
    EntityContract,
    IdentifierBy,
    IdentifierKind,
    RowRule,
)
from orchestration.landing.empty_files import write_empty_files
from orchestration.landing.freshness import Freshness, date_judged_at, judge_freshness
from orchestration.landing.identifiers import UnknownIdentifierTypeError, assert_known
from orchestration.landing.land import (
    Judge,
    Judged,
    Landing,
    LandingReport,
    Verdict,
)
from orchestration.landing.ledger import Batch, CheckRecord, Ledger, Refusal, Waiver
from orchestration.landing.serving import COULD_NOT_RUN, Served, blocks, what_is_served
from orchestration.settings import Settings, SettingsError, load_settings
from orchestration.sources.config import EntityConfig, SourceConfig, load_sources
from orchestration.sources.files import FileReader
from orchestration.sources.formats import ParquetFormat

if TYPE_CHECKING:
    from orchestration.quality import SuiteError, TableSuite
    from orchestration.quality.suites import Column as SuiteColumn

CONTRACT_CHECK = "contract"
LATEST_BATCH_CHECK = "latest_batch"
FRESHNESS_CHECK = "freshness"

_SHOWN_REFUSALS = 3

_OWN_COLUMNS = {
    "_business_date": "Day of the row on the source's own clock: the partition.",
    "_batch_id": "The batch that delivered the row.",
}
"""Columns that landing adds to what a source delivers."""


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
        enabled = load_settings().enabled_sources
        if enabled is not None and self.source.source not in enabled:
            return dg.Definitions(assets=[_resting(self.source, e) for e in self.source.entities])
        return dg.Definitions(
            assets=[landing_asset(self.source, entity) for entity in self.source.entities]
        )


def landing_key(source: str, entity: str) -> dg.AssetKey:
    """Asset key of a landed entity."""
    return dg.AssetKey(["landing", source, entity])


def _tags(source: SourceConfig, entity: EntityConfig) -> dict[str, str]:
    channel = {} if entity.channel is None else {"channel": entity.channel}
    return {"source": source.source, **channel}


def _resting(source: SourceConfig, entity: EntityConfig) -> dg.AssetSpec:
    """An entity that does not land here: nothing makes it, its contract stands empty."""
    return dg.AssetSpec(
        landing_key(source.source, entity.name),
        description=f"{entity.description} Not enabled here: SHOPTHREAD_SOURCES leaves it out.",
        group_name="landing",
        kinds={"parquet"},
        owners=[f"team:{source.owner}"],
        tags=_tags(source, entity),
    )


def write_contracts_of_resting_sources(settings: Settings) -> None:
    """Give every configured entity that does not land here its empty, typed file."""
    if settings.enabled_sources is None:
        return
    write_empty_files(
        settings.landing_dir,
        [
            source
            for source in load_sources(settings.sources_dir)
            if source.source not in settings.enabled_sources
        ],
        lambda source, entity: entity_contract(settings, source.source, entity.name),
    )


def landing_asset(source: SourceConfig, entity: EntityConfig) -> dg.AssetsDefinition:
    """The asset of one entity, with its contract gate inside the op."""
    key = landing_key(source.source, entity.name)
    metadata: dict[str, str | int] = {
        "source": source.source,
        "vendor": source.vendor,
        "data_origin": source.data_origin,
        "on_bad_batch": entity.on_bad_batch,
        "version_rule": entity.version_rule,
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
                tags=_tags(source, entity),
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
        pool=WAREHOUSE_POOL,
        partitions_def=business_dates() if entity.partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if entity.partitioned else None,
    )
    @quoting_no_data
    def land(context: dg.AssetExecutionContext) -> Iterator[object]:
        from orchestration.quality import SuiteError

        settings, ledger = open_state(context.run.tags)
        try:
            report = _land(context, settings, ledger, source, entity)
        except SuiteError as error:
            assert_run_goes_on(context.instance, context.run.run_id)
            verdict = Verdict("could_not_run", str(error))
            record = _whole_batch_record(source, entity, verdict)
            ledger.record_checks(context.run.run_id, [record])
            yield from _unjudged(key, error)
            yield freshness_check(
                settings,
                ledger,
                source,
                entity,
                load_sources(settings.sources_dir, settings.enabled_sources),
            )
            return
        refusals = ledger.open_refusals(source.source, entity.name)
        waivers = tuple(ledger.waivers(source.source, entity.name).values())
        if report.verdict is None and not refusals:
            _forget_what_was_taken_back(ledger, source, entity, context.run.run_id)
        contract = contract_check(
            source,
            entity,
            settings,
            refusals,
            report,
            waivers,
            serves=what_is_served(ledger, source, entity),
        )
        assert_run_goes_on(context.instance, context.run.run_id)
        if contract.passed or not blocks(settings, source, entity):
            yield dg.MaterializeResult(
                asset_key=key,
                metadata=landed_metadata(
                    settings, entity, report, ledger.current(source.source, entity.name)
                ),
            )
            _describe_days(context, key, report)
        yield contract
        yield latest_batch_check(key, report, refusals, waivers)
        yield freshness_check(
            settings,
            ledger,
            source,
            entity,
            load_sources(settings.sources_dir, settings.enabled_sources),
        )

    return land


def _land(
    context: dg.AssetExecutionContext,
    settings: Settings,
    ledger: Ledger,
    source: SourceConfig,
    entity: EntityConfig,
) -> LandingReport:
    landing = open_landing(settings, ledger, source, entity, context.run.run_id, datetime.now(UTC))
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


def _forget_what_was_taken_back(
    ledger: Ledger, source: SourceConfig, entity: EntityConfig, run_id: str
) -> None:
    """Close the results of a refusal that ended without a new batch to judge.

    The last good batch was delivered again, or the contract that refused it went back. The
    results in the ledger are still those of the refused batch, and a version published on
    them would count failed checks behind open gates.
    """
    asset = landing_key(source.source, entity.name).to_user_string()
    if ledger.has_closing_check(asset, CONTRACT_CHECK):
        said = "no refusal is open: what landing serves was accepted by this contract"
        record = _whole_batch_record(source, entity, Verdict("passed", said))
        ledger.record_checks(run_id, [record])


def open_landing(
    settings: Settings,
    ledger: Ledger,
    source: SourceConfig,
    entity: EntityConfig,
    run_id: str,
    now: datetime,
) -> Landing:
    """Landing of one entity, judged by its suite in `expectations/landing`.

    Raises SettingsError when a live source would be tokenised with the public demo key, and
    SuiteError when the entity's format speaks of columns that its contract does not have.
    """
    if source.data_origin == "live" and settings.uses_demo_key:
        raise SettingsError(
            f"{source.source} is a live source and SHOPTHREAD_IDENTITY_KEY is the public demo "
            "key, with which anybody could compute its tokens; nothing was landed; set a key "
            "of your own"
        )
    contract = entity_contract(settings, source.source, entity.name)
    _assert_format_fits(source, entity, contract)
    return Landing(
        settings=settings,
        ledger=ledger,
        source=source,
        entity=entity,
        contract=contract,
        reader=FileReader(
            source.source,
            entity.name,
            base_folder(settings, source),
            settings.inbox_dir,
            entity.format,
            wants_manifests=entity.version == "manifest",
        ),
        judge=landing_judge(settings, source.source, entity.name),
        run_id=run_id,
        now=now,
    )


def base_folder(settings: Settings, source: SourceConfig) -> Path:
    """Where the files lie that hold an entity of this source whole."""
    if source.reader.kind == "panel_package":
        return settings.panel_files()
    if source.reader.path is None:
        return settings.retailer_dir / "history" / source.source
    return settings.project_dir / source.reader.path


def _assert_format_fits(
    source: SourceConfig, entity: EntityConfig, contract: EntityContract
) -> None:
    """A misspelt column would be read by the general rule, and nobody would hear of it."""
    from orchestration.quality import SuiteError

    if isinstance(entity.format, ParquetFormat):
        return
    misplaced = entity.format.misplaced({column.name: column.type for column in contract.columns})
    if misplaced:
        raise SuiteError(
            f"{source.source}/{entity.name}: beside the contract in expectations/landing/"
            f"{source.source}.yaml its format declares {'; '.join(misplaced)}; nothing was "
            "landed; correct the one or the other"
        )


def _suite(settings: Settings, source: str, entity: str) -> "TableSuite":
    from orchestration.quality import SuiteError, load_suite

    suites = load_suite(settings.expectations_dir / "landing" / f"{source}.yaml")
    if entity not in suites.tables:
        raise SuiteError(
            f"expectations/landing/{source}.yaml has no table {entity}, so nobody can judge what "
            f"{source} delivers of it; nothing was landed; write its contract"
        )
    return suites.tables[entity]


def entity_contract(settings: Settings, source: str, entity: str) -> EntityContract:
    """The part of a landing suite that shapes rows."""
    suite = _suite(settings, source, entity)
    limit = suite.max_quarantined_share
    return EntityContract(
        columns=tuple(
            _column(source, entity, name, column) for name, column in suite.columns.items()
        ),
        row_rules=tuple(RowRule(rule.reason, rule.rows) for rule in suite.quarantine),
        quarantined_share_allowed=0.0 if limit is None else limit.share,
        quarantined_rows_allowed=0 if limit is None else limit.or_rows,
        suite_fingerprint=suite.model_dump_json(),
    )


def _column(source: str, entity: str, name: str, column: "SuiteColumn") -> Column:
    identifier: IdentifierKind | IdentifierBy | None = None
    if column.identifier_by is not None:
        identifier = IdentifierBy(
            column.identifier_by.column,
            tuple(
                (word, IdentifierKind(kind.type, kind.scope, kind.region))
                for word, kind in column.identifier_by.kinds.items()
            ),
        )
    elif column.identifier_type is not None:
        identifier = IdentifierKind(
            column.identifier_type, column.identifier_scope, column.identifier_region
        )
    landed = Column(name, column.type, column.nullable, identifier, column.description)
    for _, kind in landed.identifier_kinds:
        try:
            assert_known(kind.type, kind.scope, kind.region)
        except UnknownIdentifierTypeError as error:
            from orchestration.quality import SuiteError

            raise SuiteError(
                f"expectations/landing/{source}.yaml: {entity}.{name}: {error}"
            ) from error
    return landed


def landing_judge(settings: Settings, source: str, entity: str) -> Judge:
    """Judges a candidate with the entity's suite."""

    def judge(judged: Judged) -> Verdict:
        from orchestration.quality import Days, Layout, TableCheck, check_database

        suite = _suite(settings, source, entity)
        days = (
            None
            if judged.by_day is None
            else Days("main", judged.by_day, "_business_date", judged.days)
        )
        (verdict,) = check_database(
            [TableCheck(suite, "main", judged.table, Layout.DELIVERED, days)],
            judged.database,
            readable=judged.delivered,
            memory_limit=settings.engine_memory,
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
            verdict.failing_days,
        )

    return judge


# -- what the UI is told ----------------------------------------------------------------


def contract_check(
    source: SourceConfig,
    entity: EntityConfig,
    settings: Settings,
    refusals: Sequence[Refusal],
    report: LandingReport,
    waivers: Sequence[Waiver] = (),
    *,
    serves: Served,
) -> dg.AssetCheckResult:
    """Judge what landing serves, over every refusal that is still open.

    `serve_last_good` is closed only while there is no last good state; `block` is closed
    by any open refusal, of whatever day. A waived one is not open, and is named.
    """
    is_closed_by_any = blocks(settings, source, entity)
    passed = not refusals or (serves is Served.GOOD and not is_closed_by_any)
    verdict = report.verdict
    nobody_judged = all(item.reason.startswith(COULD_NOT_RUN) for item in refusals)
    closed_by = "could_not_run" if nobody_judged else "failed"
    numbers: dict[str, int | str | bool] = {
        "outcome": "passed" if passed else closed_by,
        "open_refusals": len(refusals),
        "waived_refusals": len(waivers),
        "serves_last_good": serves is Served.GOOD and bool(refusals),
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
        "policy": "block" if is_closed_by_any else "serve_last_good",
    }
    return dg.AssetCheckResult(
        asset_key=landing_key(source.source, entity.name),
        check_name=CONTRACT_CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_sentence(source.source, entity.name, refusals, waivers, serves=serves),
        metadata=numbers,
    )


def _sentence(
    source: str,
    entity: str,
    refusals: Sequence[Refusal],
    waivers: Sequence[Waiver],
    *,
    serves: Served,
) -> str:
    if not refusals:
        kept = f"{source}/{entity}: everything that landing serves keeps the contract"
        return f"{kept}, or is waived: {_told_waivers(waivers)}" if waivers else kept
    shown = "; ".join(f"{item.partition_key}: {item.reason}" for item in refusals[:_SHOWN_REFUSALS])
    more = len(refusals) - _SHOWN_REFUSALS
    tail = f"; and {more} more" if more > 0 else ""
    one = len(refusals) == 1
    return (
        f"{source}/{entity}: refused {shown}{tail}. The {'batch is' if one else 'batches are'} kept "
        f"in quarantine; {serves}. Deliver a repaired batch for "
        f"{'the same partition' if one else 'each of these partitions'}, or waive the refusal with "
        "`shopthread quarantine waive`"
    )


def _told_waivers(waivers: Sequence[Waiver]) -> str:
    shown = "; ".join(
        f"{item.partition_key} ({item.because})" for item in waivers[:_SHOWN_REFUSALS]
    )
    more = len(waivers) - _SHOWN_REFUSALS
    return f"{shown}; and {more} more" if more > 0 else shown


def _unjudged(key: dg.AssetKey, error: "SuiteError") -> Iterator[dg.AssetCheckResult]:
    """What an entity answers whose contract cannot be read: closed, whatever its policy."""
    said = f"{COULD_NOT_RUN}: {error}"
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=CONTRACT_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=said,
        metadata={"outcome": "could_not_run"},
    )
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=LATEST_BATCH_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
    )


def latest_batch_check(
    key: dg.AssetKey,
    report: LandingReport,
    refusals: Sequence[Refusal],
    waivers: Sequence[Waiver] = (),
) -> dg.AssetCheckResult:
    """Warn when the newest batch was refused, waived or not, or accepted with a warning."""
    warnings = list(report.warnings)
    if waivers:
        warnings.append(f"refused and waived: {_told_waivers(waivers)}")
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
    settings: Settings,
    ledger: Ledger,
    source: SourceConfig,
    entity: EntityConfig,
    sources: Sequence[SourceConfig],
) -> dg.AssetCheckResult:
    """Judge the newest accepted data by the rule of `orchestration.landing.freshness`.

    `sources` are all that are configured: their required entities give the date.
    """
    newest = ledger.newest()
    as_of = date_judged_at(settings.as_of, sources, newest)
    refusals = ledger.open_refusals(source.source, entity.name)
    found = judge_freshness(
        newest.get((source.source, entity.name)),
        [item.partition_key for item in refusals],
        as_of,
        partitioned=entity.partitioned,
        max_age_hours=entity.max_age_hours,
    )
    return dg.AssetCheckResult(
        asset_key=landing_key(source.source, entity.name),
        check_name=FRESHNESS_CHECK,
        passed=found.state == "fresh",
        severity=dg.AssetCheckSeverity.WARN,
        description=_freshness_sentence(found, len(refusals), partitioned=entity.partitioned),
        metadata={
            "state": found.state,
            **({} if found.lag_days is None else {"lag_days": found.lag_days}),
            "max_age_hours": entity.max_age_hours,
            "open_refusals": len(refusals),
            "judged_at": "nothing required has landed" if as_of is None else as_of.isoformat(),
        },
    )


def _freshness_sentence(found: Freshness, refusals: int, *, partitioned: bool) -> str:
    if found.state == "missing":
        return "missing: nothing has ever been accepted"
    what = "landing serves days up to" if partitioned else "landing serves the delivery of"
    text = f"{found.state}: {what} {found.served}"
    if found.lag_days is not None:
        text += f", {found.lag_days} {'day' if found.lag_days == 1 else 'days'} behind"
    if refusals:
        text += f"; {refusals} refused and not replaced"
    return text


def landed_metadata(
    settings: Settings, entity: EntityConfig, report: LandingReport, current: Mapping[str, Batch]
) -> dict[str, Any]:
    """What landing serves of the entity now, and what this run brought of it.

    The row count is that of the table, also after a run that found nothing new.
    """
    contract = entity_contract(settings, report.source, report.entity)
    says = {column.landed_name: column.description for column in contract.columns}
    accepted = [item for item in report.partitions if item.outcome == "accepted"]
    return {
        "dagster/row_count": sum(batch.landed_rows for batch in current.values()),
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(
                    name, kind.lower(), description=says.get(name) or _OWN_COLUMNS.get(name)
                )
                for name, kind in contract.landed_columns(partitioned=entity.partitioned)
            ]
        ),
        "rows_delivered": report.total("physical_rows"),
        "rows_landed": report.total("landed_rows"),
        "rows_quarantined": report.total("quarantined_rows"),
        "unusable_identifiers": report.total("unusable_identifiers"),
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
                    **(
                        {"dagster/partition_row_count": item.landed_rows}
                        if item.outcome != "refused"
                        else {}
                    ),
                    "batch": item.batch_id,
                    "rows_delivered": item.physical_rows,
                    "rows_landed": item.landed_rows,
                    "rows_quarantined": item.quarantined_rows,
                    **({"reason": item.reason} if item.reason else {}),
                },
                asset_key=key,
                partition_key=item.partition,
            )
