"""A small database with people in it, and suites about it."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.quality import TableSuite

CANARY = "canary-4711@example.org"
"""A personal value: it may appear nowhere but in the table itself."""

BECAUSE = {"because": "made up for a test (2026-11)"}


def expectation(
    type_: str, severity: str = "critical", name: str | None = None, **kwargs: Any
) -> dict[str, Any]:
    return {
        "type": type_,
        "name": name,
        "kwargs": kwargs,
        "severity": severity,
        "meta": BECAUSE,
    }


def table_suite(*expectations: dict[str, Any], **header: Any) -> TableSuite:
    """A suite about `shop.members`, without a contract unless `columns` is given."""
    return TableSuite.model_validate(
        {
            "asset": "shop/members",
            "grain": "one row per member",
            "key": ["member_id"],
            "expectations": list(expectations),
            **header,
        }
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """`shop.members` (4 people, one with a strange country) and `shop.orders`."""
    path = tmp_path / "house.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema shop")
        connection.execute(
            "create table shop.members (member_id bigint, email varchar, points integer,"
            " country varchar, joined_on date)"
        )
        connection.execute(
            f"""
            insert into shop.members values
            (1, 'a@example.org', 10, 'US', date '2017-01-01'),
            (2, 'b@example.org', 20, 'US', date '2017-01-02'),
            (3, '{CANARY}', 30, 'XX', date '2017-01-03'),
            (4, null, 40, 'CA', date '2017-01-04')
            """
        )
        connection.execute(
            "create table shop.orders as select * from"
            " (values (1, 1, 5.00), (2, 2, 7.50), (3, 9, 1.25)) as t(order_id, member_id, amount)"
        )
        # The same name in another schema, with other rows.
        connection.execute("create table main.members as select 1 as member_id limit 0")
    return path
