"""`shopthread status` says what is closed, and what was only set aside."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from orchestration.landing.ledger import CheckRecord, Ledger
from orchestration.settings import Settings, load_settings
from tests.unit.cli.test_ledger_view import accept, batch

Shopthread = Callable[..., Result]

CONTRACT = CheckRecord(
    layer="landing",
    asset="landing/complete_journey/transactions",
    check_name="contract",
    expectation="amounts are positive",
    column_name=None,
    severity="critical",
    outcome="failed",
    evaluated_rows=10,
    unexpected_rows=3,
    observed=None,
    because="measured (2026-11)",
    engine="great_expectations",
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SHOPTHREAD_HOME", str(tmp_path / "var"))
    return load_settings()


def refuse(settings: Settings, *, served: bool) -> None:
    ledger = Ledger(settings.ledger_path)
    if served:
        accept(ledger, batch("2017-01-01", "a"))
    ledger.refuse(batch("2017-01-02", "x", rows=9), "negative amounts", {"negative_amount": 3})
    ledger.record_checks("run-1", [CONTRACT, replace(CONTRACT, asset="kpi/kpi_daily")])


def labels(shopthread: Shopthread) -> dict[str, list[str]]:
    """Assets by the word that stands before them, or before the line above."""
    found: dict[str, list[str]] = {"closed": [], "set aside": []}
    word = None
    for line in shopthread("status").stdout.splitlines():
        if not line.startswith("   "):
            word = next((name for name in found if line.strip().startswith(name)), None)
        if word is not None and "·" in line:
            found[word].append(line.split("·")[0].replace(word, "").strip())
    return found


def test_a_refused_batch_that_stops_nobody_is_set_aside(
    settings: Settings, shopthread: Shopthread
) -> None:
    refuse(settings, served=True)
    assert labels(shopthread) == {"closed": ["kpi/kpi_daily"], "set aside": [CONTRACT.asset]}
    assert "stays served, and nothing waits" in shopthread("status").stdout


CLOSED = {"closed": ["kpi/kpi_daily", CONTRACT.asset], "set aside": []}


def test_what_landing_serves_and_a_changed_contract_condemns_closes_the_house(
    settings: Settings, shopthread: Shopthread
) -> None:
    refuse(settings, served=True)
    # The same content as is served, refused under another contract.
    again = replace(batch("2017-01-01", "b"), content_hash="a")
    Ledger(settings.ledger_path).refuse(again, "the contract is tighter now", {})
    assert labels(shopthread) == CLOSED


def test_what_landing_lost_closes_the_house(settings: Settings, shopthread: Shopthread) -> None:
    refuse(settings, served=True)
    ledger = Ledger(settings.ledger_path)
    accept(ledger, batch("2017-01-03", "c"))
    ledger.condemn(batch("2017-01-03", "c"), "the landed file is gone", is_served=True)
    assert labels(shopthread) == CLOSED


def test_a_contract_that_nobody_can_read_closes_the_house(
    settings: Settings, shopthread: Shopthread
) -> None:
    refuse(settings, served=True)
    unread = replace(CONTRACT, outcome="could_not_run")
    Ledger(settings.ledger_path).record_checks("run-2", [unread])
    assert labels(shopthread) == CLOSED


def test_a_refused_batch_closes_the_house_where_that_is_asked_or_nothing_is_served(
    settings: Settings, shopthread: Shopthread, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(settings, served=False)
    assert labels(shopthread) == CLOSED
    accept(Ledger(settings.ledger_path), batch("2017-01-01", "a"))
    assert labels(shopthread) == {"closed": ["kpi/kpi_daily"], "set aside": [CONTRACT.asset]}
    monkeypatch.setenv("SHOPTHREAD_BLOCK_ON_BAD_BATCH", "complete_journey/transactions")
    assert labels(shopthread) == CLOSED
