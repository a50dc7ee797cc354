"""Equality of tables: the order of rows is nothing, everything else is something."""

from pathlib import Path

import duckdb
import pytest

from orchestration.publish import TableHash, table_hashes
from orchestration.publish.hashes import LEFT_OUT_OF_EQUALITY, counts_for_equality

ROWS = "(1, 'a', null::date), (2, 'b', date '2017-12-31'), (null, 'c', null)"


def hash_of(rows: str, **options: dict[str, set[str]]) -> TableHash:
    with duckdb.connect() as connection:
        connection.execute("create schema kpi")
        connection.execute(f"create table kpi.t as from (values {rows}) as t(a, b, c)")
        return table_hashes(connection, ["kpi"], **options)["kpi.t"]


def test_the_order_of_rows_does_not_matter() -> None:
    turned = "(null, 'c', null::date), (2, 'b', date '2017-12-31'), (1, 'a', null)"
    assert hash_of(ROWS) == hash_of(turned)
    assert hash_of(ROWS).rows == 3


@pytest.mark.parametrize(
    "rows",
    [
        "(1, 'b', null::date), (2, 'a', date '2017-12-31'), (null, 'c', null)",
        "(1, 'a', date '2017-12-31'), (2, 'b', null), (null, 'c', null)",
        "(1, 'a', null::date), (2, 'b', date '2017-12-31')",
        f"{ROWS}, (1, 'a', null)",
        f"{ROWS}, (1, 'a', null), (1, 'a', null)",
    ],
    ids=["values swapped", "null moved", "row lost", "row doubled", "row tripled"],
)
def test_any_other_difference_does(rows: str) -> None:
    assert hash_of(ROWS) != hash_of(rows)


def test_an_empty_table_and_only_run_metadata_have_a_hash() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema kpi; create table kpi.t (seen_at timestamp)")
        assert table_hashes(connection, ["kpi"]) == {"kpi.t": (0, "0" * 32)}
        connection.execute("insert into kpi.t values (now()), (now())")
        only = table_hashes(connection, ["kpi"], run_metadata={"kpi.t": {"seen_at"}})["kpi.t"]
        assert only.rows == 2


def test_run_metadata_is_left_out() -> None:
    later = ROWS.replace("'b'", "'later'")
    told = {"kpi.t": {"b"}}
    assert hash_of(ROWS, run_metadata=told) == hash_of(later, run_metadata=told)


def test_views_count_and_a_path_is_read_without_writing(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema kpi; create table kpi.t as select 1 as a")
        connection.execute("create view kpi.v as select * from warehouse.kpi.t")
    before = file.read_bytes()
    hashes = table_hashes(file)
    assert hashes["kpi.t"] == hashes["kpi.v"]
    assert file.read_bytes() == before


def test_exactly_these_marts_are_left_out_of_equality() -> None:
    # It grows only with a decision record that says why (architecture.md section 6).
    assert LEFT_OUT_OF_EQUALITY == ("quality.dq_*", "quality.catalog")
    assert not counts_for_equality("quality.dq_results")
    assert counts_for_equality("kpi.kpi_daily")
    assert counts_for_equality("journey.dq_like")
