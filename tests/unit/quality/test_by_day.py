"""A bad day among good ones is found, at the price of one statement, by Great Expectations' rule."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.quality import (
    Days,
    Outcome,
    SuiteError,
    SuiteVerdict,
    TableCheck,
    TableSuite,
    check_database,
    load_suite,
    run_suite,
)
from orchestration.quality.by_day import DayRule, day_rule
from orchestration.quality.suites import Expectation
from tests.unit.quality.conftest import BECAUSE, expectation, table_suite

DAYS = tuple(f"2017-01-{day:02}" for day in range(1, 11))
BAD_DAY = "2017-01-07"

UNKNOWN_IS_RARE = expectation(
    "expect_share_of_rows_to_be_at_most",
    name="unknown",
    condition="country = 'XX'",
    max_share=0.1,
    or_rows=1,
)
Judge = Callable[..., SuiteVerdict]


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """Ten days of twenty sales; on one of them six are bad in every column.

    Of that day's other 14 sales two have an odd address: too many, but only without the NULLs.
    """
    path = tmp_path / "house.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            create table sales_by_day as
            select
                row_number() over () as sale_id,
                case when is_bad then 'XX' else 'US' end as country,
                case
                    when is_bad then null
                    when day_no = 6 and sale_no < 8 then 'b@example.org'
                    else 'a@example.org'
                end as email,
                case when is_bad then 500 else 5 end as amount,
                day as _business_date
            from (
                select
                    date '2017-01-01' + cast(day_no as integer) as day,
                    sale_no < 6 and day_no = 6 as is_bad,
                    day_no,
                    sale_no
                from range(10) as days(day_no), range(20) as lines(sale_no)
            )
            """
        )
        connection.execute(
            "create view sales as select * exclude (_business_date) from sales_by_day"
        )
    return path


def judge_by_day(suite: TableSuite, database: Path, days: tuple[str, ...]) -> SuiteVerdict:
    at = Days("main", "sales_by_day", "_business_date", days)
    (verdict,) = check_database([TableCheck(suite, "main", "sales", days=at)], database)
    return verdict


@pytest.fixture
def judged(sales: Path) -> Judge:
    def judge(*expectations: dict[str, Any], days: tuple[str, ...] = DAYS, **header: Any) -> Any:
        suite = table_suite(
            *expectations, key=["sale_id"], partitioned_by="business_date", **header
        )
        return judge_by_day(suite, sales, days)

    return judge


def test_a_share_that_holds_for_the_range_and_not_for_a_day_fails_and_names_the_day(
    judged: Judge,
) -> None:
    verdict = judged(UNKNOWN_IS_RARE)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.failing_days == (BAD_DAY,)
    assert f"failed on 1 of 10 days, worst {BAD_DAY} with 6 of 20 rows" in verdict.message
    result = verdict.results[-1]
    assert (result.evaluated_rows, result.unexpected_rows) == (200, 6)
    assert result.observed == 0.3, "the share of the worst day"


def test_the_good_days_alone_pass(judged: Judge, sales: Path) -> None:
    with duckdb.connect(str(sales)) as connection:
        connection.execute(f"delete from sales_by_day where _business_date = date '{BAD_DAY}'")
    verdict = judged(UNKNOWN_IS_RARE, days=tuple(day for day in DAYS if day != BAD_DAY))
    assert verdict.outcome is Outcome.PASSED
    assert verdict.failing_days == ()


def test_a_warning_names_its_day_and_puts_none_at_stake(judged: Judge) -> None:
    verdict = judged({**UNKNOWN_IS_RARE, "severity": "warning"})
    assert verdict.outcome is Outcome.PASSED
    assert verdict.failing_days == ()
    assert f"worst {BAD_DAY}" in verdict.warnings[0].message


MOSTLY = [
    expectation("expect_column_values_to_not_be_null", column="email", mostly=0.9),
    expectation("expect_column_values_to_be_null", column="email", mostly=0.9),
    expectation(
        "expect_column_values_to_be_in_set", column="country", value_set=["US"], mostly=0.9
    ),
    expectation("expect_column_values_to_be_in_set", column="amount", value_set=[5], mostly=0.9),
    expectation(
        "expect_column_values_to_not_be_in_set", column="country", value_set=["XX"], mostly=0.9
    ),
    expectation(
        "expect_column_values_to_be_between",
        column="amount",
        min_value=1,
        max_value=100,
        mostly=0.9,
    ),
    expectation(
        "expect_column_values_to_be_between",
        column="amount",
        min_value=5,
        strict_min=True,
        mostly=0.2,
    ),
    expectation(
        "expect_column_values_to_match_pattern", column="country", pattern="^U", mostly=0.9
    ),
    expectation("expect_column_values_to_match_pattern", column="email", pattern="^a@", mostly=0.9),
    UNKNOWN_IS_RARE,
]


@pytest.mark.parametrize("asked", MOSTLY, ids=lambda item: f"{item['type'][7:]} {item['kwargs']}")
@pytest.mark.parametrize("day", [BAD_DAY, "2017-01-08"], ids=["bad day", "good day"])
def test_a_day_is_answered_as_great_expectations_answers_for_it_alone(
    sales: Path, asked: dict[str, Any], day: str
) -> None:
    with duckdb.connect(str(sales)) as connection:
        connection.execute(f"delete from sales_by_day where _business_date <> date '{day}'")
    suite = table_suite(asked, key=["sale_id"])
    alone = run_suite(suite, sales, "main", "sales")
    by_day = judge_by_day(suite, sales, (day,))
    assert alone.outcome is by_day.outcome
    assert by_day.failing_days == (() if alone.outcome is Outcome.PASSED else (day,))


def test_the_volume_of_a_partitioned_table_is_that_of_a_day(judged: Judge) -> None:
    def volume(**limits: int) -> dict[str, Any]:
        return {"severity": "critical", "meta": BECAUSE, **limits}

    assert judged(volume=volume(min_rows=20, max_rows=20)).outcome is Outcome.PASSED
    empty = judged(volume=volume(min_rows=1), days=(*DAYS, "2017-01-11"))
    assert empty.failing_days == ("2017-01-11",), "a day without rows is judged too"
    assert "failed on 1 of 11 days, among them 2017-01-11 with 0 rows" in empty.message
    assert judged(volume=volume(max_rows=19)).failing_days == DAYS


def test_days_that_cannot_be_counted_close_the_gate(judged: Judge) -> None:
    broken = {**UNKNOWN_IS_RARE, "kwargs": {"condition": "no_such(country)", "max_share": 0.1}}
    verdict = judged(broken)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "its days could not be counted (CatalogException)" in verdict.message


def test_what_holds_for_a_range_exactly_when_it_holds_for_its_days_is_asked_once() -> None:
    for item in (
        expectation("expect_column_values_to_not_be_null", column="email"),
        expectation("expect_key_to_be_unique", columns=["sale_id"]),
        expectation("expect_measure_to_be_between", name="m", measure="select 1", max_value=1),
    ):
        assert day_rule(Expectation.model_validate(item)) is None
    assert isinstance(day_rule(Expectation.model_validate(UNKNOWN_IS_RARE)), DayRule)


SUITE = """\
source: till
vendor: till
owner: commerce
tables:
  sales:
    grain: one row per sale
    key: [sale_id]
    {partitioned_by}
    columns:
      sale_id: {{type: bigint, nullable: false, description: The sale.}}
      code: {{type: string, nullable: true, description: A code.}}
    expectations:
      - type: expect_column_value_lengths_to_be_between
        kwargs: {{column: code, min_value: 2, mostly: 0.9}}
        severity: {severity}
        meta: {{because: "made up for a test (2026-11)"}}
"""


@pytest.mark.parametrize(
    "partitioned_by, severity, is_refused",
    [
        ("partitioned_by: business_date", "critical", True),
        ("partitioned_by: business_date", "warning", False),
        ("description: A table without days.", "critical", False),
    ],
    ids=["critical", "warning", "no days"],
)
def test_a_critical_share_that_could_hide_a_day_is_refused_when_the_suite_is_read(
    tmp_path: Path, partitioned_by: str, severity: str, is_refused: bool
) -> None:
    path = tmp_path / "landing" / "till.yaml"
    path.parent.mkdir()
    path.write_text(SUITE.format(partitioned_by=partitioned_by, severity=severity), "utf-8")
    if not is_refused:
        assert load_suite(path).source == "till"
        return
    with pytest.raises(SuiteError, match="a range would hide a bad day; use expect_share_of_rows"):
        load_suite(path)
