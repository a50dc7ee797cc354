"""What the landing asset answers in a run of its own: a small shop, no dbt, its real suite."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.components.calendar import business_dates
from orchestration.components.guard import pass_gates
from orchestration.components.run_state import open_state
from orchestration.components.source import landing_asset, landing_key
from orchestration.landing.ledger import Ledger
from orchestration.settings import DEMO_IDENTITY_KEY, load_settings
from orchestration.sources.config import SourceConfig
from orchestration.sources.formats import CsvFormat

SOURCE = SourceConfig.model_validate(
    {
        "source": "corner_shop",
        "vendor": "corner_shop",
        "description": "A shop made up for tests.",
        "owner": "commerce",
        "data_origin": "synthetic",
        "lawful_basis": "none",
        "cadence": "daily",
        "time_zone": "America/New_York",
        "reader": {"kind": "folder", "path": "shop"},
        "entities": [{"name": "products", "description": "One product.", "channel": "store"}],
    }
)
PRODUCTS = landing_key("corner_shop", "products")
SHELVES = dg.AssetKey(["staging", "shelves"])

SUITE = """\
source: corner_shop
vendor: corner_shop
owner: commerce
tables:
  products:
    grain: one row per product
    key: [product]
    columns:
      product: {type: bigint, nullable: false, description: The product.}
      price: {type: "decimal(18,2)", nullable: false, description: Its price.}
    expectations:
      - type: expect_column_values_to_be_between
        kwargs: {column: price, min_value: 0, max_value: 100}
        severity: critical
        meta: {because: "a test's dearest product costs 90, since 2026-11"}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with one contract, and the environment that names it."""
    suite = tmp_path / "expectations" / "landing" / "corner_shop.yaml"
    suite.parent.mkdir(parents=True)
    suite.write_text(SUITE, "utf-8")
    (tmp_path / "shop").mkdir()
    monkeypatch.setenv("SHOPTHREAD_PROJECT", str(tmp_path))
    monkeypatch.setenv("SHOPTHREAD_HOME", str(tmp_path / "var"))
    return tmp_path


def deliver(project: Path, **columns: list[Any]) -> None:
    pd.DataFrame(columns).to_parquet(project / "shop" / "products.parquet", index=False)


def land(
    instance: dg.DagsterInstance, source: SourceConfig = SOURCE, **policy: Any
) -> dg.ExecuteInProcessResult:
    entity = source.entities[0].model_copy(update=policy)
    asset = landing_asset(source, entity)
    return dg.materialize([asset], instance=instance, raise_on_error=False)


def contract_of(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = [
        item for item in result.get_asset_check_evaluations() if item.check_name == "contract"
    ]
    return found


def told(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run say."""
    texts = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            texts.append(str(data.error))
            if data.user_failure_data is not None:
                texts.append(str(data.user_failure_data.description))
    return " ".join(texts)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@pytest.fixture
def ledger(project: Path) -> Ledger:
    return Ledger(load_settings().ledger_path)


def tighten(project: Path) -> None:
    suite = project / "expectations" / "landing" / "corner_shop.yaml"
    suite.write_text(SUITE.replace("max_value: 100", "max_value: 10"), "utf-8")


def test_the_contract_check_fails_when_landing_serves_what_a_tightened_contract_refused(
    project: Path, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    deliver(project, product=[1, 2], price=[5.0, 90.0])
    assert land(instance).success
    tighten(project)
    condemned = land(instance)
    contract = contract_of(condemned)
    assert not contract.passed
    assert contract.severity is dg.AssetCheckSeverity.ERROR
    assert "landing serves the refused content" in str(contract.description)
    assert len(ledger.current("corner_shop", "products")) == 1

    deliver(project, product=[1, 2], price=[5.0, 9.0])
    assert contract_of(land(instance)).passed


def test_a_refused_delivery_leaves_the_last_good_batch_served_and_the_gate_open(
    project: Path, instance: dg.DagsterInstance
) -> None:
    deliver(project, product=[1], price=[5.0])
    assert land(instance).success
    deliver(project, product=[1], price=[500.0])
    contract = contract_of(land(instance))
    assert contract.passed
    assert contract.metadata["serves_last_good"].value is True
    assert "still serves the last good batch" in str(contract.description)


def test_a_text_is_judged_by_the_suite_of_its_entity(
    project: Path, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    dialect = CsvFormat(delimiter=";", decimal_mark=",")
    text = project / "shop" / "products.csv"
    for price, passes in (("5,25", True), ("500,00", False)):
        text.write_text(f"price;product\n{price};1\n", "utf-8")
        result = land(instance, format=dialect, on_bad_batch="block")
        assert contract_of(result).passed is passes
    (batch,) = ledger.current("corner_shop", "products").values()
    landed = pd.read_parquet(load_settings().home / str(batch.file))
    assert [*map(str, landed["product"]), *map(str, landed["price"])] == ["1", "5.25"]
    (kept,) = load_settings().quarantine_dir.rglob("rows.parquet")
    assert pd.read_parquet(kept)["price"].tolist() == ["500,00"]


@pytest.mark.parametrize(
    "declared, told",
    [
        ({"names": {"prize": "PRICE"}}, "`names.prize`, and it has no such column"),
        ({"time_of": {"opened_at": {}}}, "`time_of.opened_at`, and it has no such column"),
        ({"time_of": {"price": {}}}, "`time_of.price`, and that is neither a date nor"),
    ],
)
def test_a_format_that_speaks_of_other_columns_than_the_contract_closes_the_gate_and_names_them(
    project: Path, instance: dg.DagsterInstance, declared: dict[str, Any], told: str
) -> None:
    (project / "shop" / "products.csv").write_text("price,product\n5.25,1\n", "utf-8")
    contract = contract_of(land(instance, format=CsvFormat.model_validate(declared)))
    assert not contract.passed
    assert "corner_shop/products: beside the contract in expectations/landing/corner_shop.yaml" in (
        str(contract.description)
    )
    assert told in str(contract.description)


def test_a_batch_refused_before_any_expectation_was_asked_leaves_a_check_record(
    project: Path, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    deliver(project, product=[1], cost=[5.0])
    assert not contract_of(land(instance)).passed
    open_state()[1].export_what_every_run_changes(project / "exported")
    (record,) = pd.read_parquet(project / "exported" / "check_results.parquet").to_dict("records")
    assert record["asset"] == "landing/corner_shop/products"
    assert (record["check_name"], record["expectation"]) == ("contract", "whole_batch")
    assert (record["severity"], record["outcome"]) == ("critical", "failed")
    assert record["because"] == "missing column price (delivered instead: cost)"
    assert ledger.check_counts() == {"passed": 0, "failed": 1, "could_not_run": 0}


def test_a_live_source_is_not_tokenised_with_the_public_demo_key(
    project: Path,
    instance: dg.DagsterInstance,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = SOURCE.model_copy(update={"data_origin": "live"})
    deliver(project, product=[1], price=[5.0])
    monkeypatch.setenv("SHOPTHREAD_IDENTITY_KEY", DEMO_IDENTITY_KEY)
    refused = land(instance, live)
    assert not refused.success
    message = told(refused)
    assert "corner_shop is a live source" in message
    assert "set a key of your own" in message
    assert ledger.current("corner_shop", "products") == {}
    assert not load_settings().landing_dir.exists()

    monkeypatch.setenv("SHOPTHREAD_IDENTITY_KEY", "a key of our own")
    assert land(instance, live).success


@pytest.fixture
def build_shelves(
    instance: dg.DagsterInstance, ledger: Ledger
) -> Callable[[], dg.ExecuteInProcessResult]:
    """Build an asset behind the landing one, in a run that does not land."""
    landing = landing_asset(SOURCE, SOURCE.entities[0])

    @dg.asset(key=SHELVES, deps=[PRODUCTS])
    def shelves(context: dg.AssetExecutionContext) -> None:
        graph = dg.Definitions(assets=[landing, shelves]).resolve_asset_graph
        pass_gates(context, [SHELVES], ledger, graph)

    def build() -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [landing, shelves], selection=[SHELVES], instance=instance, raise_on_error=False
        )

    return build


def test_behind_a_first_landing_that_broke_the_guard_names_it_and_what_to_do(
    project: Path,
    instance: dg.DagsterInstance,
    build_shelves: Callable[[], dg.ExecuteInProcessResult],
) -> None:
    assert build_shelves().success, "a source that never delivered is open"
    wrong = load_settings().inbox_dir / "corner_shop" / "products" / "monday.parquet"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"")
    broken = land(instance)
    assert not broken.success
    refused = build_shelves()
    assert not refused.success
    message = told(refused)
    assert "staging/shelves was not built" in message
    assert f"landing/corner_shop/products / contract gave no answer in run {broken.run_id}" in (
        message
    )
    assert "read the error of that run" in message

    wrong.unlink()
    deliver(project, product=[1], price=[5.0])
    assert land(instance).success
    assert build_shelves().success


def test_a_waived_refusal_opens_the_gate_of_a_block_entity_until_the_next_bad_delivery(
    project: Path, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    def landed_again() -> dg.ExecuteInProcessResult:
        return land(instance, on_bad_batch="block")

    deliver(project, product=[1], price=[5.0])
    assert landed_again().success
    deliver(project, product=[1], price=[500.0])
    refused = landed_again()
    assert not contract_of(refused).passed
    assert refused.asset_materializations_for_node("land_corner_shop__products") == []

    arguments = ["quarantine", "waive", "corner_shop/products", "snapshot"]
    waived = CliRunner().invoke(app, [*arguments, "--because", "the old prices will do"])
    assert waived.exit_code == 0, waived.output
    opened = landed_again()
    contract = contract_of(opened)
    assert contract.passed
    assert contract.metadata["waived_refusals"].value == 1
    assert "is waived: snapshot (the old prices will do)" in str(contract.description)
    assert len(opened.asset_materializations_for_node("land_corner_shop__products")) == 1
    (latest,) = [
        item for item in opened.get_asset_check_evaluations() if item.check_name == "latest_batch"
    ]
    assert not latest.passed, "the newest batch is still a refused one"

    deliver(project, product=[1], price=[700.0])
    assert not contract_of(landed_again()).passed
    deliver(project, product=[1], price=[7.0])
    assert contract_of(landed_again()).passed
    assert ledger.standing_waivers() == ()


def test_every_day_that_is_over_somewhere_has_its_label_in_an_open_calendar(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del project
    monkeypatch.setenv("SHOPTHREAD_LAST_DAY", "")
    over_on_kiritimati = datetime(2026, 11, 24, 10, tzinfo=UTC)
    business_dates.cache_clear()
    try:
        with partition_loading_context(effective_dt=over_on_kiritimati):
            labels = business_dates().get_partition_keys()
    finally:
        business_dates.cache_clear()
    assert labels[0] == "2017-01-01"
    assert labels[-1] == "2026-11-24"
