"""A suite that cannot fail is a defect: every shipped expectation is made to fail once.

Expectations written in SQL are asked directly, because that costs a millisecond; Great
Expectations' own are asked through the runner, a whole table at a time.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.quality import Layout, Outcome, TableCheck, check_database, run_suite_on_files
from orchestration.quality.contract import contract_expectations
from orchestration.quality.database import quoted
from orchestration.quality.expectation_types import COUNTED_TYPES
from orchestration.quality.expectations_sql import CountedRule, counted_rule
from orchestration.quality.suites import Expectation, TableSuite
from tests.tiny_world import build_tiny_panel
from tests.unit.quality import empty_house
from tests.unit.quality.empty_house import Place

SUITES = empty_house.suites()
SHAPE = empty_house.tables()

BY_HAND = {
    # Rows that no dice throw: what has to lie in the judged table to break the promise.
    "expect_measure_to_be_between (deciles_of_unequal_size)": (
        "insert into {table} (data_origin, currency, value_decile)"
        " select 'panel', 'USD', least(1 + row_no, 10) from range(15) as rows(row_no)"
    ),
    "expect_measure_to_be_between (top_decile_share)": (
        "insert into {table} (data_origin, currency, value_decile, value_share)"
        " select 'panel', 'USD', 1, 0.001 from range(1000)"
    ),
    "expect_measure_to_be_between (days_missing_between_first_and_last)": (
        "insert into {table} (date) values (date '2017-01-01'), (date '2017-01-03')"
    ),
    "expect_measure_to_be_between (lines_per_business_day)": (
        "insert into {table} (transaction_timestamp)"
        " select timestamp '2017-01-02 12:00:00' from range(20001)"
    ),
    "expect_measure_to_be_between (lines_per_basket)": (
        "insert into {table} (basket_id) select 1 from range(501)"
    ),
    "expect_measure_to_be_between (order_numbers_missing_within_a_day)": (
        "insert into {table} (name, created_at)"
        " select '#MM' || (100 + 2 * row_no), timestamp '2017-01-02 17:00:00'"
        " from range(9) as rows(row_no)"
    ),
    "expect_share_of_rows_to_be_at_most (weeks_turn_on_local_monday)": (
        "insert into {table} (week, transaction_timestamp)"
        " select 2, timestamp '2017-01-02 04:30:00' from range(300)"
    ),
}
"""Expectations, by their label, that random rows do not meet."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("house") / "house.duckdb"
    with duckdb.connect(str(path)) as connection:
        empty_house.build(connection)
    return path


@pytest.fixture
def connection(house: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The empty house in a transaction that is never committed."""
    with duckdb.connect(str(house)) as opened:
        opened.execute("begin")
        yield opened
        opened.execute("rollback")


def all_expectations(suite: TableSuite) -> list[Expectation]:
    names = suite.column_names(Layout.DELIVERED)
    return [
        *contract_expectations(suite, Layout.DELIVERED),
        *(item.renamed(names) for item in suite.expectations),
    ]


def counted() -> list[tuple[Place, Expectation]]:
    return [
        (place, item)
        for place, suite in SUITES.items()
        for item in all_expectations(suite)
        if item.type in COUNTED_TYPES
    ]


def holds(connection: duckdb.DuckDBPyConnection, rule: CountedRule) -> bool:
    row = connection.execute(rule.statement).fetchone()
    assert row is not None
    evaluated, unexpected, observed = row
    return rule.holds(evaluated, unexpected, None if observed is None else float(observed))


def fillings(place: Place, item: Expectation, rule: CountedRule) -> Iterator[list[str]]:
    """Statements that fill the judged table, then those it is compared with, then both."""
    others = [other for other in empty_house.referenced(rule.statement, SHAPE) if other != place]
    words = empty_house.words(item)
    if item.label in BY_HAND:
        yield [BY_HAND[item.label].format(table=quoted(*place))]

    def insert(target: Place, rows: str) -> str:
        return f"insert into {quoted(*target)} {rows}"

    for seed in range(60):
        other_rows = [
            insert(other, empty_house.mixed_rows(SHAPE[other], words, seed)) for other in others
        ]
        if seed < 6:
            mixed = insert(place, empty_house.mixed_rows(SHAPE[place], words, seed + 1000))
            yield [mixed]
            yield [mixed, *other_rows]
            yield other_rows
            yield from ([filling] for filling in other_rows)
        equal = insert(place, empty_house.equal_rows(SHAPE[place], words, seed))
        yield [equal]
        yield [equal, *other_rows]
        yield [
            equal,
            *(
                insert(other, empty_house.equal_rows(SHAPE[other], words, seed + number))
                for number, other in enumerate(others, start=1)
            ),
        ]


def test_every_column_that_a_suite_names_is_promised_by_a_contract() -> None:
    for place, suite in SUITES.items():
        assert place in SHAPE, f"{suite.asset}: no dbt contract promises this table"
        named = {column for item in suite.expectations for column in item.columns}
        unknown = (named | set(suite.key) | set(suite.personal_columns)) - set(SHAPE[place])
        assert not unknown, f"{suite.asset}: {unknown}"


@pytest.mark.parametrize(
    "place, item",
    [
        pytest.param(place, item, id=f"{place[1]}-{item.label}-{'-'.join(item.columns)}")
        for place, item in counted()
    ],
)
def test_an_expectation_in_sql_holds_for_no_rows_and_fails_for_bad_ones(
    house: Path, place: Place, item: Expectation
) -> None:
    rule = counted_rule(item.type, item.kwargs, quoted(*place))
    with duckdb.connect(str(house)) as connection:
        assert holds(connection, rule), "fails on empty contracts, which are legitimate"
        for statements in fillings(place, item, rule):
            connection.execute("begin")
            for statement in statements:
                connection.execute(statement)
            held = holds(connection, rule)
            connection.execute("rollback")
            if not held:
                return
    pytest.fail(
        f"{item.label} on {place[1]} holds for every nonsense that was tried; "
        "add rows that break it to BY_HAND, or remove it"
    )


def fill(database: Path, variant: str) -> None:
    """Put bad rows into every judged table: `bad` values, NULLs, or all `different`."""
    with duckdb.connect(str(database)) as connection:
        for place, suite in SUITES.items():
            columns = SHAPE[place]
            if variant == "different":
                values = ", ".join(_different(kind) for kind in columns.values())
                rows = f"select {values} from range({empty_house.ROWS}) as rows(row_no)"
            else:
                fixed = dict.fromkeys(columns, "null") if variant == "null" else _bad(place, suite)
                rows = empty_house.equal_rows(columns, (), 1, fixed)
            connection.execute(f"insert into {quoted(*place)} {rows}")
            if suite.columns:
                connection.execute(
                    "insert into adapters.src_shopthread__batches"
                    " (vendor, entity, is_current, landed_rows)"
                    f" values ('{place[0]}', '{place[1]}', true, 7)"
                )


def _bad(place: Place, suite: TableSuite) -> dict[str, str]:
    values: dict[str, str] = {}
    # Pairs first: both of their columns have to fit.
    for item in sorted(all_expectations(suite), key=lambda item: "pair" not in item.type):
        for column in item.columns if item.type not in COUNTED_TYPES else ():
            value = empty_house.bad_value(item, column, SHAPE[place][column])
            if value is not None:
                values.setdefault(column, value)
    return values


def _different(kind: str) -> str:
    if kind.lower() in ("date", "timestamp"):
        return f"cast(date '2017-01-01' + row_no::integer as {kind})"
    if kind.lower() == "boolean":
        return "row_no % 2 = 0"
    return f"cast(row_no * -1 as {kind})"


def provable(check: TableCheck) -> set[tuple[str, str | None]]:
    """Great Expectations' own expectations of a table, without those about its volume.

    A ceiling of millions of rows is proved by `test_a_volume_fails_on_both_sides` instead.
    """
    return {
        (item.label, ", ".join(item.columns) or None)
        for item in all_expectations(check.suite)
        if item.type not in COUNTED_TYPES
        if item.type != "expect_table_row_count_to_be_between"
    }


def test_every_suite_and_every_expectation_of_great_expectations_fails_for_bad_rows(
    tmp_path: Path,
) -> None:
    checks = [TableCheck(suite, *place) for place, suite in SUITES.items()]
    unproved = {check.label: provable(check) for check in checks}
    closed: set[str] = set()
    for variant in ("bad", "null", "different"):
        database = tmp_path / f"{variant}_rows.duckdb"
        with duckdb.connect(str(database)) as connection:
            empty_house.build(connection)
        fill(database, variant)
        asked = [check for check in checks if unproved[check.label] or variant == "bad"]
        for verdict in check_database(asked, database):
            if verdict.outcome is Outcome.FAILED:
                closed.add(verdict.table)
            unproved[verdict.table] -= {
                (result.expectation, result.column)
                for result in verdict.results
                if result.outcome is Outcome.FAILED
            }
    assert closed == {check.label for check in checks}
    assert {label: items for label, items in unproved.items() if items} == {}


def test_a_volume_fails_on_both_sides(tmp_path: Path) -> None:
    suite = SUITES["complete_journey", "products"]
    assert suite.volume is not None
    tight = suite.model_copy(update={"volume": suite.volume.model_copy(update={"max_rows": 299})})
    database = tmp_path / "volumes.duckdb"
    with duckdb.connect(str(database)) as connection:
        empty_house.build(connection)
    empty = check_database([TableCheck(tight, "complete_journey", "products")], database)[0]
    fill(database, "different")
    full = check_database([TableCheck(tight, "complete_journey", "products")], database)[0]
    for verdict in (empty, full):
        failed = {item.expectation for item in verdict.results if item.outcome is Outcome.FAILED}
        assert "expect_table_row_count_to_be_between" in failed


def test_empty_contracts_pass_every_suite_behind_landing(house: Path) -> None:
    checks = [TableCheck(suite, *place) for place, suite in SUITES.items() if not suite.columns]
    verdicts = check_database(checks, house)
    assert [verdict.message for verdict in verdicts if not verdict.outcome.opens_gate] == []


@pytest.fixture(scope="module")
def tiny_landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny panel in the contract's types, as landing settles it."""
    folder = tmp_path_factory.mktemp("tiny")
    panel = build_tiny_panel(folder / "panel")
    with duckdb.connect() as connection:
        for (schema, name), suite in SUITES.items():
            if schema == "complete_journey":
                listed = ", ".join(
                    f"cast({quoted(column)} as {kind}) as {quoted(column)}"
                    for column, kind in suite.duckdb_columns(Layout.DELIVERED).items()
                )
                source = panel / f"{name}.parquet"
                connection.execute(
                    f"copy (select {listed} from read_parquet('{source}'))"
                    f" to '{folder / name}.parquet' (format parquet)"
                )
    return folder


@pytest.mark.parametrize(
    "entity", [name for schema, name in SUITES if schema == "complete_journey"]
)
def test_the_contract_holds_for_a_tiny_panel(tiny_landing: Path, entity: str) -> None:
    suite = SUITES["complete_journey", entity]
    verdict = run_suite_on_files(
        suite, [tiny_landing / f"{entity}.parquet"], layout=Layout.DELIVERED
    )
    assert verdict.outcome is Outcome.PASSED, verdict.message


def test_the_contract_holds_for_one_day_and_for_ten_lines(
    tiny_landing: Path, tmp_path: Path
) -> None:
    suite = SUITES["complete_journey", "transactions"]
    source = tiny_landing / "transactions.parquet"
    for number, cut in enumerate(("where transaction_timestamp < '2017-01-02'", "limit 10")):
        file = tmp_path / f"{number}.parquet"
        duckdb.connect().execute(
            f"copy (select * from read_parquet('{source}') {cut}) to '{file}' (format parquet)"
        )
        verdict = run_suite_on_files(suite, [file], layout=Layout.DELIVERED)
        assert verdict.outcome is Outcome.PASSED, verdict.message
        assert not verdict.warnings


def test_the_panel_breaks_no_row_rule(tiny_landing: Path) -> None:
    with duckdb.connect() as connection:
        for (schema, name), suite in SUITES.items():
            if schema == "complete_journey":
                source = f"read_parquet('{tiny_landing / name}.parquet')"
                found = connection.execute(
                    f"select count(*) from {source} where {suite.quarantine_reason_sql()} is not null"
                ).fetchone()
                assert found == (0,), name


@pytest.mark.parametrize(
    "place, reason",
    [
        pytest.param(place, rule.reason, id=f"{place[1]}-{rule.reason}")
        for place, suite in SUITES.items()
        for rule in suite.quarantine
    ],
)
def test_every_row_rule_sets_rows_aside(
    connection: duckdb.DuckDBPyConnection, place: Place, reason: str
) -> None:
    suite = SUITES[place]
    (rule,) = (rule for rule in suite.quarantine if rule.reason == reason)
    for seed in range(5):
        rows = empty_house.mixed_rows(SHAPE[place], (), seed)
        connection.execute(f"insert into {quoted(*place)} {rows}")
    table = quoted(*place)
    found = connection.execute(f"select count(*) from {table} where {rule.rows}").fetchone()
    spared = connection.execute(f"select count(*) from {table} where not ({rule.rows})").fetchone()
    assert found is not None
    assert spared is not None
    assert found[0] > 0
    assert spared[0] > 0
