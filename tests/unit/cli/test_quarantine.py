"""`shopthread quarantine`: what is open, and living without it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from orchestration.landing.ledger import Ledger
from orchestration.settings import load_settings
from tests.unit.cli.test_ledger_view import accept, batch

Shopthread = Callable[..., Result]
ENTITY = "complete_journey/transactions"


@pytest.fixture
def ledger(home: Path) -> Ledger:
    """A ledger with one good day and two refused ones."""
    del home
    ledger = Ledger(load_settings().ledger_path)
    accept(ledger, batch("2017-01-01", "a"))
    ledger.refuse(batch("2017-01-02", "x", rows=30), "30 % lack a card", {"missing_card": 9})
    ledger.refuse(batch("2017-01-03", "y", rows=1_200), "missing column basket_id", {})
    return ledger


def test_the_list_names_what_is_open_and_what_to_do(shopthread: Shopthread, ledger: Ledger) -> None:
    for arguments in (["quarantine"], ["quarantine", "list"]):
        shown = " ".join(shopthread(*arguments).stdout.split())
        assert f"{ENTITY} 2017-01-02 30" in shown
        assert f"{ENTITY} 2017-01-03 1,200" in shown
        assert "30 % lack a card" in shown
        assert "deliver a repaired batch" in shown


def test_programs_get_the_list_as_json(shopthread: Shopthread, ledger: Ledger) -> None:
    first, second = json.loads(shopthread("quarantine", "list", "-f", "json").stdout)
    assert (first["source"], first["entity"]) == ("complete_journey", "transactions")
    assert (first["partition"], first["rows"], first["batch_id"]) == ("2017-01-02", 30, "x")
    assert first["rows_by_reason"] == {"missing_card": 9}
    assert first["refused_at"].endswith("+00:00")
    assert second["reason"] == "missing column basket_id"
    assert second["folder"].endswith("/quarantine/complete_journey/transactions/2017-01-03/y")


def test_nothing_open_is_not_an_error_and_writes_nothing(
    shopthread: Shopthread, home: Path
) -> None:
    result = shopthread("quarantine", "list")
    assert (result.exit_code, result.stdout.strip()) == (0, "no refusal is open")
    assert json.loads(shopthread("quarantine", "list", "-f", "json").stdout) == []
    assert not home.exists()


def test_a_waived_refusal_leaves_the_list_and_status_shows_it_with_its_reason(
    shopthread: Shopthread, ledger: Ledger
) -> None:
    result = shopthread("quarantine", "waive", ENTITY, "2017-01-02", "--because", "till broken")
    assert result.exit_code == 0
    assert "30 rows in quarantine" in result.stdout
    assert "shopthread run" in result.stdout
    assert [item.partition_key for item in ledger.open_refusals()] == ["2017-01-03"]
    (waived,) = json.loads(shopthread("status", "--format", "json").stdout)["waived"]
    assert (waived["partition"], waived["because"]) == ("2017-01-02", "till broken")
    shown = shopthread("status").stdout
    assert f"{ENTITY} 2017-01-02: till broken (refused: 30 % lack a card)" in shown


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["transactions", "2017-01-02", "--because", "x"], "is not SOURCE/ENTITY"),
        ([ENTITY, "2017-01-02", "--because", "  "], "needs a reason"),
        ([ENTITY, "2017-01-02"], "--because"),
    ],
    ids=["no source", "empty reason", "no reason"],
)
def test_a_waiver_without_entity_or_reason_is_wrong_usage(
    shopthread: Shopthread, ledger: Ledger, arguments: list[str], words: str
) -> None:
    result = shopthread("quarantine", "waive", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert ledger.standing_waivers() == ()


def test_what_is_not_open_cannot_be_waived(shopthread: Shopthread, ledger: Ledger) -> None:
    result = shopthread("quarantine", "waive", ENTITY, "2017-01-01", "--because", "x")
    assert result.exit_code == 1
    assert f"{ENTITY} 2017-01-01 has no open refusal; nothing was waived" in result.stderr
    assert "shopthread quarantine list" in result.stderr


def test_where_nothing_landed_nothing_is_waived_and_no_state_is_made(
    shopthread: Shopthread, home: Path
) -> None:
    result = shopthread("quarantine", "waive", ENTITY, "2017-01-01", "--because", "x")
    assert result.exit_code == 1
    assert "nothing was waived" in result.stderr
    assert not home.exists()
