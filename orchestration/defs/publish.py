"""The last two assets: one published version, and the report made from it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import dagster as dg
import duckdb

from orchestration.components.automation_rules import WHEN_GATES_ARE_OPEN
from orchestration.components.build_chain import build_chain, raise_if_damaged
from orchestration.components.dbt_layer import FlowTranslator
from orchestration.components.guard import pass_gates
from orchestration.components.published_context import publish_context
from orchestration.components.run_history import tidy_history
from orchestration.components.run_state import assert_run_goes_on, open_state, quiet_libraries
from orchestration.components.step_errors import quoting_no_data
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.file_lock import hold_file
from orchestration.publish import Outcome, PublishError, declared_marts, served_number
from orchestration.publish import publish as publish_version
from orchestration.report import write_report
from orchestration.warehouse.manifest import Layer, load_manifest

VERSION_KEY = dg.AssetKey(["publish", "published_version"])
REPORT_KEY = dg.AssetKey(["publish", "report"])


@dg.definitions
def publishing() -> dg.Definitions:
    """Publish behind every gate, then write the report from what was published."""
    manifest = load_manifest(quiet_libraries())
    translator = FlowTranslator()
    marts = [
        translator.get_asset_key(manifest.content["nodes"][unique_id])
        for layer in (Layer.MARTS, Layer.KPI, Layer.QUALITY)
        for unique_id in manifest.models(layer)
    ]

    @dg.multi_asset(
        name="publish_version",
        specs=[
            dg.AssetSpec(
                VERSION_KEY,
                deps=marts,
                group_name="publish",
                kinds={"duckdb", "parquet"},
                owners=["team:data-platform"],
                description=(
                    "What readers open: the checked marts as one version, made visible in one "
                    "step. Unchanged marts make no new version."
                ),
                automation_condition=WHEN_GATES_ARE_OPEN,
            )
        ],
        pool=WAREHOUSE_POOL,
    )
    @quoting_no_data
    def publish_marts(context: dg.AssetExecutionContext) -> Iterator[object]:
        settings, ledger = open_state()
        pass_gates(context, [VERSION_KEY], ledger)
        run_id = context.run.run_id
        with hold_file(settings.warehouse_lock_path, f"run {run_id}"):
            assert_run_goes_on(context.instance, run_id)
            build_chain(settings, ledger, manifest, run_id).require_all("a new version")
            try:
                result = publish_version(
                    settings,
                    run_id=run_id,
                    parent=served_number(settings.published_dir),
                    context=publish_context(settings, ledger, run_id, datetime.now(UTC)),
                    declared=declared_marts(manifest.folder / "manifest.json"),
                    confirm=partial(assert_run_goes_on, context.instance, run_id),
                )
            except (PublishError, duckdb.Error):
                raise_if_damaged(settings)
                raise
        published, facts = result.published, result.published.manifest
        context.log.info(result.message)
        alarm = {} if result.fell_back is None else {"fell_back": result.fell_back.message}
        for told in alarm.values():
            context.log.warning(told)
        yield dg.MaterializeResult(
            asset_key=VERSION_KEY,
            metadata={
                "version": published.version,
                "is_new_version": result.outcome is Outcome.PUBLISHED,
                "why": "; ".join(result.reasons) or result.message,
                "data_as_of": facts.data_as_of.isoformat(),
                "marts": len(facts.marts),
                "marts_changed": len(result.changed),
                "rows": sum(mart.rows for mart in facts.marts.values()),
                "checks_passed": facts.checks.passed,
                "checks_failed": facts.checks.failed,
                "checks_could_not_run": facts.checks.could_not_run,
                "stale_sources": len(facts.stale_sources),
                "gate_overrides": len(facts.overrides),
                "waived_refusals": len(facts.waivers),
                "folder": dg.MetadataValue.path(str(published.directory)),
                **alarm,
            },
        )
        # Behind everything that counts: a history that stays as it is harms nobody.
        tidy_history(context, settings)

    @dg.multi_asset(
        name="write_report",
        specs=[
            dg.AssetSpec(
                REPORT_KEY,
                deps=[VERSION_KEY],
                group_name="publish",
                kinds={"html"},
                owners=["team:data-platform"],
                description="One HTML file a marketer can read, made from the published version.",
                automation_condition=WHEN_GATES_ARE_OPEN,
            )
        ],
    )
    @quoting_no_data
    def report(context: dg.AssetExecutionContext) -> Iterator[object]:
        settings, ledger = open_state()
        pass_gates(context, [REPORT_KEY], ledger)
        written = write_report(settings)
        yield dg.MaterializeResult(
            asset_key=REPORT_KEY,
            metadata={
                "file": dg.MetadataValue.path(str(written.path)),
                "bytes": written.size_bytes,
                "version": written.version,
            },
        )

    return dg.Definitions(assets=[publish_marts, report])
