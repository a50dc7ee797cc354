"""dbt as Dagster assets: one op per gated layer, keys and groups in the flow's words.

The translator chooses keys, groups, owners and kinds; the op passes the guard, takes the
lock, builds exactly what was selected and tells the UI what became of it. Running dbt is
`orchestration.warehouse.dbt_process`; which layers exist is `warehouse.manifest`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.components.automation_rules import WHEN_GATES_ARE_OPEN
from orchestration.components.build_chain import (
    REBUILD_TAG,
    Commission,
    Outcome,
    Table,
    build_in_chain,
)
from orchestration.components.guard import known_checks, pass_gates
from orchestration.components.run_state import assert_run_goes_on, open_state
from orchestration.components.source import write_contracts_of_resting_sources
from orchestration.components.step_errors import quoting_no_data
from orchestration.components.suite_checks import answered_before
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.landing.ledger import CheckRecord, Ledger
from orchestration.settings import Settings
from orchestration.sources.config import SourceConfig
from orchestration.warehouse.answers import Answer
from orchestration.warehouse.column_lineage import column_lineage
from orchestration.warehouse.dbt_process import NodeResult
from orchestration.warehouse.manifest import DbtManifest, Layer, layer_of

STANDS = "stands"
"""Status of a model that was not built again, because nothing behind it changed."""

LEDGER_SOURCE = "ledger"
"""Name of the dbt source that holds the product's own books."""
_GROUP_OF_SCHEMA = {"adapters": "staging", "reference": "staging"}


class FlowTranslator(DagsterDbtTranslator):
    """Keys are `[schema, model]`, groups are the words of the flow."""

    def __init__(self) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=False))
        self._specs: dict[tuple[int, int, str], dg.AssetSpec] = {}

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Add the waiting that data alone does not ask for; see `_waits_for`.

        Every reader of a model asks again, so each answer is kept, as the base class keeps its.
        """
        asked = (id(manifest), id(project), unique_id)
        if asked not in self._specs:
            spec = super().get_asset_spec(manifest, unique_id, project)
            self._specs[asked] = self._with_waiting(spec, manifest, unique_id)
        return self._specs[asked]

    def _with_waiting(
        self, spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str
    ) -> dg.AssetSpec:
        nodes = manifest["nodes"]
        if unique_id not in nodes or nodes[unique_id]["resource_type"] not in {"model", "seed"}:
            return spec
        known = {dep.asset_key for dep in spec.deps}
        waits = [self.get_asset_key(nodes[other]) for other in _waits_for(manifest, unique_id)]
        return spec.merge_attributes(deps=[key for key in waits if key not in known])

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Say in words what a dbt test checks."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        return spec._replace(description=test_sentence(manifest["nodes"][unique_id]))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        declared = _meta(dbt_resource_props).get("dagster", {}).get("asset_key")
        if declared:
            return dg.AssetKey(declared)
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        schema = str(dbt_resource_props["schema"])
        return _GROUP_OF_SCHEMA.get(schema, schema)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        owner = _meta(dbt_resource_props).get("owner")
        return [f"team:{owner}"] if owner else ["team:data-platform"]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props.get("description") or "").strip()

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        tags = {}
        personal = _meta(dbt_resource_props).get("personal_data")
        if personal:
            tags["personal_data"] = str(personal)
        return tags

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        metadata = dict(super().get_metadata(dbt_resource_props))
        grain = _meta(dbt_resource_props).get("grain")
        if grain:
            metadata["grain"] = ", ".join(grain) if isinstance(grain, list) else str(grain)
        return metadata

    def get_automation_condition(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.AutomationCondition | None:
        del dbt_resource_props
        return WHEN_GATES_ARE_OPEN


def _waits_for(manifest: Mapping[str, Any], unique_id: str) -> list[str]:
    """Models that must be built and gated first although nothing is read from them.

    Journey carries nodes and not customers, yet a gate that closes on identity stops it;
    quality speaks of every mart, so it waits for all of them.
    """
    nodes = manifest["nodes"]
    layer = layer_of(nodes[unique_id])
    if layer not in {Layer.QUALITY, Layer.JOURNEY}:
        return []
    models = {
        other: layer_of(node)
        for other, node in sorted(nodes.items())
        if node["resource_type"] == "model"
    }
    if layer is Layer.QUALITY:
        return [other for other, found in models.items() if found in {Layer.MARTS, Layer.KPI}]
    identity = {other for other, found in models.items() if found is Layer.IDENTITY}
    read_inside = {parent for other in identity for parent in nodes[other]["depends_on"]["nodes"]}
    return sorted(identity - read_inside)


_SENTENCES = {
    "not_null": "`{column}` is never empty.",
    "unique": "No two rows share a `{column}`.",
    "names_its_rows": "No two rows share a `{column}`, and no row is without one.",
}


def test_sentence(node: Mapping[str, Any]) -> str:
    """What a dbt test checks: its own description, or what its kind means for its column."""
    if node.get("description"):
        return str(node["description"]).strip()
    test = node.get("test_metadata") or {}
    arguments = test.get("kwargs") or {}
    inner = {**arguments, **(arguments.get("arguments") or {})}
    column = node.get("column_name") or inner.get("column_name")
    kind = str(test.get("name") or node["name"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(column=column)
    if kind == "accepted_values":
        values = ", ".join(str(value) for value in inner.get("values", []))
        return f"`{column}` is one of: {values}."
    if kind == "relationships":
        return f"Every `{column}` is a `{inner.get('field')}` of {inner.get('to')}."
    where = f"`{column}`" if column else "the table"
    return f"{kind.replace('_', ' ').capitalize()}: {where}."


def _meta(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**properties.get("meta", {}), **properties.get("config", {}).get("meta", {})}


def checks_of_tests(
    manifest: DbtManifest, project: DbtProject, translator: FlowTranslator
) -> dict[str, dg.AssetCheckKey]:
    """The check that each data test of the project is, by unique id."""
    found = {
        unique_id: get_asset_check_key_for_test(
            manifest.content, translator, unique_id, project=project
        )
        for unique_id, _ in manifest.tests()
    }
    return {unique_id: key for unique_id, key in found.items() if key is not None}


def layer_assets(
    layer: Layer,
    manifest: DbtManifest,
    project: DbtProject,
    translator: FlowTranslator,
    sources: Sequence[SourceConfig],
    checks: Mapping[str, dg.AssetCheckKey],
) -> dg.AssetsDefinition:
    """The assets of one layer, built by one op behind the guard.

    `checks` are those of `checks_of_tests`, which are dear to tell and the same for every
    layer; so is what one `translator` keeps.
    """
    unique_ids = manifest.models(layer)

    @dbt_assets(
        manifest=manifest.content,
        select=" ".join(manifest.selectors(layer)),
        name=f"build_{layer.value}",
        project=project,
        dagster_dbt_translator=translator,
        pool=WAREHOUSE_POOL,
    )
    @quoting_no_data
    def build_layer(context: dg.AssetExecutionContext) -> Iterator[object]:
        settings, ledger = open_state(context.run.tags)
        selected = sorted(context.selected_asset_keys, key=lambda key: key.path)
        pass_gates(context, selected, ledger)
        models = [
            unique_id
            for unique_id in unique_ids
            if _key(translator, manifest, unique_id) in context.selected_asset_keys
        ]
        tests = {
            unique_id: key
            for unique_id, key in checks.items()
            if key in context.selected_asset_check_keys
        }
        run_id = context.run.run_id
        if layer is Layer.STAGING:
            write_contracts_of_resting_sources(settings)
        if layer is Layer.QUALITY:
            ledger.keep_checks(known_checks())
        outcome = build_in_chain(
            settings,
            ledger,
            manifest,
            Commission(
                layer=layer,
                models=models,
                tests=list(tests),
                asked_alone={
                    unique_id
                    for unique_id, key in tests.items()
                    if key.asset_key not in context.selected_asset_keys
                },
                run_id=run_id,
                rebuild=REBUILD_TAG in context.run.tags,
            ),
            sources,
            partial(assert_run_goes_on, context.instance, run_id),
        )
        results, tables = outcome.results, outcome.tables
        _record_tests(ledger, run_id, manifest, checks, outcome)
        by_id = {result.unique_id: result for result in results}
        # Dagster takes outputs only in the order of their dependencies, checks behind them.
        for unique_id in manifest.in_order([*outcome.standing, *outcome.built]):
            if unique_id in by_id:
                yield from _events(
                    context,
                    manifest,
                    translator,
                    project,
                    by_id.pop(unique_id),
                    tables,
                    settings,
                )
            else:
                yield _standing(manifest, translator, unique_id, tables, settings)
        for result in by_id.values():
            yield from _events(context, manifest, translator, project, result, tables, settings)
        for unique_id, answer in outcome.answers.items():
            yield _answered_before(tests[unique_id], manifest.content["nodes"][unique_id], answer)
        _raise_for_models(manifest, outcome.ordered, results, settings)

    return build_layer


def _standing(
    manifest: DbtManifest,
    translator: FlowTranslator,
    unique_id: str,
    tables: Mapping[str, Table],
    settings: Settings,
) -> dg.Output[None]:
    """Say of a model that was not built again that it stands for what landing holds now."""
    return dg.Output(
        None,
        output_name=_key(translator, manifest, unique_id).to_python_identifier(),
        metadata={
            **_lineage(settings, manifest, translator, unique_id),
            **_shape(manifest, tables, unique_id),
            "unique_id": unique_id,
            "status": STANDS,
        },
    )


def _answered_before(
    key: dg.AssetCheckKey, test: Mapping[str, Any], answer: Answer
) -> dg.AssetCheckResult:
    """Say of a test that it passed, in an earlier run, on the very rows that stand."""
    return dg.AssetCheckResult(
        passed=True,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=dg.AssetCheckSeverity.ERROR if _closes(test) else dg.AssetCheckSeverity.WARN,
        description=answered_before("passed", answer.run_id),
        metadata={
            "dagster_dbt/failed_row_count": 0,
            "outcome": "passed",
            "status": STANDS,
            "answered_by_run": answer.run_id,
        },
    )


def _closes(test: Mapping[str, Any]) -> bool:
    """Whether a dbt test closes its gate when it fails."""
    return str(test["config"].get("severity") or "error").lower() == "error"


def ledger_assets(manifest: DbtManifest) -> list[dg.AssetSpec]:
    """The product's own books as assets that nothing materialises.

    The ops of staging and quality export them before they build. They are sources of dbt that no
    landing asset makes; undeclared they would stand in the UI without a group or a word.
    """
    translator = FlowTranslator()
    return [
        dg.AssetSpec(
            translator.get_asset_key(source),
            group_name="landing",
            kinds={"parquet"},
            owners=["team:data-platform"],
            description=" ".join(
                [source["description"].strip(), "Exported from the ledger before it is built upon."]
            ),
            tags={"source": "shopthread"},
        )
        for _, source in sorted(manifest.content["sources"].items())
        if source["source_name"] == LEDGER_SOURCE
    ]


def _key(translator: FlowTranslator, manifest: DbtManifest, unique_id: str) -> dg.AssetKey:
    return translator.get_asset_key(manifest.content["nodes"][unique_id])


def _events(
    context: dg.AssetExecutionContext,
    manifest: DbtManifest,
    translator: FlowTranslator,
    project: DbtProject,
    result: NodeResult,
    tables: Mapping[str, Table],
    settings: Settings,
) -> Iterator[object]:
    event = DbtCoreCliEventMessage(raw_event=dict(result.raw_event), event_history_metadata={})
    for item in event.to_default_asset_events(
        manifest.content, translator, context, project=project
    ):
        if isinstance(item, dg.Output):
            yield item.with_metadata(
                {
                    **item.metadata,
                    **_lineage(settings, manifest, translator, result.unique_id),
                    **_shape(manifest, tables, result.unique_id),
                }
            )
        elif isinstance(item, dg.AssetCheckResult):
            yield _in_words(item, result, settings)
        else:
            yield item


def _shape(
    manifest: DbtManifest, tables: Mapping[str, Table], unique_id: str
) -> dict[str, dg.TableSchema | int]:
    """Columns and rows of a model that stands, as the UI wants them."""
    if unique_id not in tables:
        return {}
    table = tables[unique_id]
    node = manifest.content["nodes"][unique_id]
    says = {name: column.get("description") for name, column in node["columns"].items()}
    columns = [
        dg.TableColumn(name, kind.lower(), description=says.get(name) or None)
        for name, kind in table.columns
    ]
    counted = {} if table.rows is None else {"dagster/row_count": table.rows}
    return {"dagster/column_schema": dg.TableSchema(columns), **counted}


def _outcome(result: NodeResult) -> str:
    """A dbt test's answer in the words of a gate; a query that broke has not failed."""
    return {"pass": "passed", "error": "could_not_run"}.get(result.status.lower(), "failed")


def _in_words(
    check: dg.AssetCheckResult, result: NodeResult, settings: Settings
) -> dg.AssetCheckResult:
    """The same check result with the answer of its gate, as a suite's check gives it."""
    outcome = _outcome(result)
    description = outcome.replace("_", " ")
    if outcome == "failed" and result.failures is not None:
        is_one = result.failures == 1
        rows = "1 row breaks" if is_one else f"{result.failures:,} rows break"
        description += f": {rows} the rule"
    elif outcome == "could_not_run":
        description += (
            f": its query broke; dbt's own words are in {settings.dbt_target_dir}, private "
            "because they may quote values"
        )
    return dg.AssetCheckResult(
        passed=check.passed,
        asset_key=check.asset_key,
        check_name=check.check_name,
        severity=check.severity,
        description=description,
        metadata={**check.metadata, "outcome": outcome},
    )


def _lineage(
    settings: Settings, manifest: DbtManifest, translator: FlowTranslator, unique_id: str
) -> dict[str, dg.TableColumnLineage]:
    """Which columns of which assets each column of a model is made from."""
    found = column_lineage(settings, manifest, unique_id)
    if not found:
        return {}
    nodes, sources = manifest.content["nodes"], manifest.content["sources"]
    keys = {
        parent: translator.get_asset_key(nodes.get(parent) or sources[parent])
        for columns in found.values()
        for parent, _ in columns
    }
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [
                    dg.TableColumnDep(asset_key=keys[parent], column_name=column)
                    for parent, column in columns
                ]
                for name, columns in found.items()
            }
        )
    }


def _record_tests(
    ledger: Ledger,
    run_id: str,
    manifest: DbtManifest,
    checks: Mapping[str, dg.AssetCheckKey],
    outcome: Outcome,
) -> None:
    """Keep the answer of every test, also of those whose answer of an earlier run stands.

    A run that was killed behind the warehouse and before the ledger left them unwritten here.
    """
    said = {result.unique_id: (_outcome(result), result.failures) for result in outcome.results}
    said |= dict.fromkeys(outcome.answers, ("passed", 0))
    records = []
    for unique_id, (answer, failures) in said.items():
        node = manifest.content["nodes"][unique_id]
        key = checks.get(unique_id)
        if node["resource_type"] != "test" or key is None:
            continue
        records.append(
            CheckRecord(
                layer=key.asset_key.path[0],
                asset="/".join(key.asset_key.path),
                check_name=key.name,
                expectation=str(node.get("test_metadata", {}).get("name") or node["name"]),
                column_name=node.get("column_name"),
                severity="critical" if _closes(node) else "warning",
                outcome=answer,
                evaluated_rows=None,
                unexpected_rows=failures,
                observed=None,
                because=str(node.get("description") or "a rule of the model"),
                engine="dbt",
            )
        )
    if records:
        ledger.record_checks(run_id, records)


def _raise_for_models(
    manifest: DbtManifest,
    models: Sequence[str],
    results: Sequence[NodeResult],
    settings: Settings,
) -> None:
    """End the step when a model is missing; checks end it by themselves."""
    by_id = {result.unique_id: result for result in results}
    nodes = manifest.content["nodes"]
    broken = [
        _with_reason(nodes[unique_id]["name"], by_id[unique_id].reason)
        for unique_id in models
        if unique_id in by_id and by_id[unique_id].failed
    ]
    skipped = [
        nodes[unique_id]["name"]
        for unique_id in models
        if unique_id not in by_id or by_id[unique_id].status == "skipped"
    ]
    failed_tests = [
        nodes[result.unique_id]["name"]
        for result in results
        if result.failed and nodes[result.unique_id]["resource_type"] == "test"
    ]
    if not broken and not skipped:
        return
    raise dg.Failure(
        description=(
            f"models that failed: {', '.join(broken) or 'none'}; not built because of them or "
            f"of a failed test: {', '.join(skipped) or 'none'}; failed tests: "
            f"{', '.join(failed_tests) or 'none'}. Published marts are untouched. Every node's "
            f"status and the SQL that ran are in {settings.dbt_target_dir}."
        ),
        metadata={"failed": json.dumps(broken), "skipped": json.dumps(skipped)},
        allow_retries=False,
    )


def _with_reason(name: str, reason: str | None) -> str:
    return name if reason is None else f"{name} ({reason})"
