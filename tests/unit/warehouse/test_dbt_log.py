"""What is kept of dbt's words: all of it about names and SQL, only the kind about values."""

from pathlib import Path

import pytest

from orchestration.warehouse import dbt_log
from orchestration.warehouse.dbt_log import keep, reason_without_values


@pytest.mark.parametrize(
    "message, kept",
    [
        (
            (
                "Runtime Error in model fct_orders (models/fct_orders.sql)\n"
                "  Conversion Error: Could not convert string 'anna@example.com' to INT32"
            ),
            "Conversion Error",
        ),
        (
            (
                "Runtime Error in model dim_customer (models/dim_customer.sql)\n"
                '  Constraint Error: Duplicate key "card: LC-4711" violates primary key constraint'
            ),
            "Constraint Error",
        ),
        (
            (
                "Runtime Error in model x (models/x.sql)\n"
                "  Invalid Input Error: Binder Error: anna@example.com"
            ),
            "Invalid Input Error",
        ),
        (
            (
                "Runtime Error in model x (models/x.sql)\n"
                "  Out of Range Error: Overflow in multiplication of 4711"
            ),
            "Out of Range Error",
        ),
        (
            (
                "Runtime Error in model x (models/x.sql)\n"
                '  Binder Error: Referenced column "cart" not found\n\n  LINE 3:   cart'
            ),
            'Binder Error: Referenced column "cart" not found LINE 3: cart',
        ),
        (
            "Compilation Error in model x (models/x.sql)\n  macro 'as_off' is undefined",
            "Compilation Error in model x (models/x.sql) macro 'as_off' is undefined",
        ),
        ("Got 3 results, configured to fail if != 0", "Got 3 results, configured to fail if != 0"),
        ("anna@example.com", "an error that names no kind"),
        ("Runtime Error in model x\n  anna@example.com", "an error that names no kind"),
    ],
)
def test_a_reason_keeps_what_cannot_be_a_value(message: str, kept: str) -> None:
    assert reason_without_values(message) == kept


def test_a_large_log_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_log, "_LARGEST_BYTES", 10)
    for name in ("first", "second", "third"):
        keep(tmp_path, [f"success model.{name}"])
    assert "third" in (tmp_path / "nodes.log").read_text("utf-8")
    assert "second" in (tmp_path / "nodes.log.1").read_text("utf-8")
