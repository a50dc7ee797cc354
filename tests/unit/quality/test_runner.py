"""The truth table of a gate: passed, failed, could not run; and never a value."""

import json
import logging
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from orchestration.quality import (
    Layout,
    Outcome,
    SuiteVerdict,
    TableCheck,
    check_database,
    run_suite,
    run_suite_on_files,
)
from orchestration.quality.dialect import lend
from tests.unit.quality.conftest import BECAUSE, CANARY, expectation, table_suite

POINTS_IN_RANGE = expectation(
    "expect_column_values_to_be_between", column="points", min_value=0, max_value=100
)
POINTS_TOO_LOW = expectation(
    "expect_column_values_to_be_between", column="points", min_value=0, max_value=15
)
COUNTRY_KNOWN = expectation(
    "expect_column_values_to_be_in_set", column="country", value_set=["US", "CA"]
)


def judged(database: Path, *expectations: dict[str, Any], **header: Any) -> SuiteVerdict:
    return run_suite(table_suite(*expectations, **header), database)


def everything(verdict: SuiteVerdict) -> str:
    return json.dumps(asdict(verdict), default=str)


def test_a_suite_whose_expectations_hold_passes(shop: Path) -> None:
    verdict = judged(shop, POINTS_IN_RANGE)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.row_count == 4
    assert [result.outcome for result in verdict.results] == [Outcome.PASSED] * 2
    assert verdict.numbers()["expectations_passed"] == 2
    assert verdict.results[0].because == "grain: one row per member (2026-11)"


def test_a_failed_critical_expectation_closes_the_gate_and_counts_its_rows(shop: Path) -> None:
    verdict = judged(shop, POINTS_TOO_LOW)
    failed = verdict.results[-1]
    assert verdict.outcome is Outcome.FAILED
    assert (failed.evaluated_rows, failed.unexpected_rows, failed.observed) == (4, 3, 0.75)
    assert "3 of 4 rows" in verdict.message
    assert "points" in verdict.message


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_what_is_not_critical_warns_and_opens_the_gate(shop: Path, severity: str) -> None:
    verdict = judged(shop, {**POINTS_TOO_LOW, "severity": severity})
    assert verdict.outcome is Outcome.PASSED
    assert [result.severity for result in verdict.warnings] == [severity]
    assert verdict.numbers()["warnings"] == 1


def test_a_judge_keeps_to_its_memory_and_spills(tmp_path: Path) -> None:
    path = tmp_path / "large.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema shop")
        connection.execute(
            "create table shop.members as"
            " select range as member_id, md5(range::varchar) as email from range(400000)"
        )
    unique = {
        "type": "expect_column_values_to_be_unique",
        "kwargs": {"column": "email"},
        "severity": "critical",
        "meta": {"because": "one person each (2026-11)"},
    }
    suite = table_suite(unique)
    limited = check_database([TableCheck(suite)], path, memory_limit="40MB")[0]
    assert limited.outcome is Outcome.PASSED, limited.message
    # The limit is asked for: with next to nothing nobody can judge.
    starved = check_database([TableCheck(suite)], path, memory_limit="3MB")[0]
    assert starved.outcome is Outcome.COULD_NOT_RUN


def test_a_missing_table_could_not_run(shop: Path) -> None:
    verdict = run_suite(table_suite(POINTS_IN_RANGE), shop, "shop", "customers")
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "shop.customers does not exist" in verdict.message


def test_a_missing_database_could_not_run(tmp_path: Path) -> None:
    verdict = judged(tmp_path / "nowhere.duckdb", POINTS_IN_RANGE)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "cannot be opened" in verdict.message


def test_a_database_that_another_process_writes_could_not_run(shop: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()",
            str(shop),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        verdict = judged(shop, POINTS_IN_RANGE)
    finally:
        holder.communicate("\n", timeout=30)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "no other process writes" in verdict.message


def test_an_expectation_about_a_missing_column_could_not_run_and_the_others_answer(
    shop: Path,
) -> None:
    verdict = judged(
        shop,
        POINTS_IN_RANGE,
        expectation("expect_column_values_to_not_be_null", column="phone"),
    )
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "column phone does not exist" in verdict.message
    assert [result.outcome for result in verdict.results] == [
        Outcome.PASSED,
        Outcome.PASSED,
        Outcome.COULD_NOT_RUN,
    ]


def test_an_engine_error_is_no_failed_expectation_and_takes_no_other_with_it(shop: Path) -> None:
    verdict = judged(
        shop,
        # DuckDB refuses to compare a text with numbers: an error, no answer.
        expectation("expect_column_values_to_be_between", column="email", min_value=0),
        POINTS_IN_RANGE,
        COUNTRY_KNOWN,
    )
    outcomes = {result.column: result.outcome for result in verdict.results}
    assert outcomes["email"] is Outcome.COULD_NOT_RUN
    assert outcomes["points"] is Outcome.PASSED
    assert outcomes["country"] is Outcome.FAILED
    assert verdict.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "broken",
    [
        expectation("expect_column_values_to_be_between", column="points", mostly=7),
        expectation("expect_column_values_to_be_between", column="points", typo=1),
        expectation("expect_share_of_rows_to_be_at_most", name="x", condition="points > 1"),
        expectation(
            "expect_share_of_rows_to_be_at_most", name="x", condition="no sql at all", max_share=0
        ),
        expectation(
            "expect_share_of_rows_to_be_at_most", name="x", condition="points > 'a'", max_share=0
        ),
        expectation("expect_measure_to_be_between", name="x", measure="select 1"),
        expectation("expect_measure_to_be_between", name="x", measure="select null", max_value=1),
        expectation(
            "expect_orphan_share_to_be_at_most",
            columns=["member_id"],
            to_table="shop.nowhere",
            to_columns=["member_id"],
            max_share=0,
        ),
        expectation(
            "expect_orphan_share_to_be_at_most",
            columns=["member_id"],
            to_table="shop.orders",
            to_columns=["member_id", "order_id"],
            max_share=0,
        ),
        expectation("expect_column_values_to_match_pattern", column="country", pattern="("),
    ],
)
def test_bad_arguments_could_not_run(shop: Path, broken: dict[str, Any]) -> None:
    verdict = judged(shop, broken)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert verdict.results[-1].outcome is Outcome.COULD_NOT_RUN
    assert broken["type"] in verdict.message


def test_zero_expectations_could_not_run(shop: Path) -> None:
    verdict = judged(shop, key=[], no_key=BECAUSE)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "no expectation was executed" in verdict.message


def test_only_warnings_that_could_not_run_are_zero_expectations(shop: Path) -> None:
    verdict = judged(
        shop,
        expectation("expect_column_values_to_not_be_null", severity="info", column="phone"),
        key=[],
        no_key=BECAUSE,
    )
    assert verdict.outcome is Outcome.COULD_NOT_RUN


def test_a_raising_great_expectations_could_not_run(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("orchestration.quality.runner._batch", broken)
    verdict = judged(shop, POINTS_IN_RANGE)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "RuntimeError" in verdict.message
    assert CANARY not in everything(verdict)


def test_an_answer_that_never_came_could_not_run(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from great_expectations.validator.v1_validator import Validator

    monkeypatch.setattr(Validator, "_validate_expectation_configs", lambda *_, **__: [])
    verdict = judged(shop, POINTS_IN_RANGE)
    assert verdict.outcome is Outcome.COULD_NOT_RUN
    assert "gave no answer" in verdict.message


def test_a_suite_that_takes_too_long_could_not_run_and_the_next_table_is_judged(
    shop: Path,
) -> None:
    endless = table_suite(
        expectation(
            "expect_measure_to_be_between",
            name="endless",
            measure="select sum(a.range * b.range) from range(3000000) as a, range(3000000) as b",
            max_value=1,
        )
    )
    slow, quick = check_database(
        [TableCheck(endless), TableCheck(table_suite(POINTS_IN_RANGE))], shop, timeout_seconds=3
    )
    assert slow.outcome is Outcome.COULD_NOT_RUN
    assert "stopped after 3 seconds" in slow.message
    assert slow.seconds < 30
    assert quick.outcome is Outcome.PASSED


def test_the_schema_is_taken_at_its_word(shop: Path) -> None:
    suite = table_suite(
        expectation("expect_table_row_count_to_be_between", min_value=1), key=["member_id"]
    )
    assert run_suite(suite, shop, "shop", "members").outcome is Outcome.PASSED
    assert run_suite(suite, shop, "main", "members").outcome is Outcome.FAILED
    assert run_suite(suite, shop, None, "members").outcome is Outcome.FAILED
    assert run_suite(suite, shop).outcome is Outcome.PASSED


def test_a_lent_connection_is_used_and_stays_open(shop: Path) -> None:
    with duckdb.connect(str(shop)) as connection:
        assert run_suite(table_suite(POINTS_IN_RANGE), connection).outcome is Outcome.PASSED
        assert connection.execute("select count(*) from shop.members").fetchone() == (4,)


def test_our_pattern_finds_what_great_expectations_cannot_ask_on_duckdb(shop: Path) -> None:
    verdict = judged(
        shop,
        expectation("expect_column_values_to_match_pattern", column="country", pattern="^(US|CA)$"),
        expectation(
            "expect_column_values_to_match_pattern",
            name="mostly",
            column="country",
            pattern="^(US|CA)$",
            mostly=0.7,
        ),
    )
    strict, mostly = verdict.results[1:]
    assert (strict.outcome, strict.evaluated_rows, strict.unexpected_rows) == (
        Outcome.FAILED,
        4,
        1,
    )
    assert mostly.outcome is Outcome.PASSED


def test_orphans_keys_shares_and_measures_count(shop: Path) -> None:
    suite = table_suite(
        expectation(
            "expect_orphan_share_to_be_at_most",
            columns=["member_id"],
            to_table="shop.members",
            to_columns=["member_id"],
            max_share=0.4,
        ),
        expectation(
            "expect_orphan_share_to_be_at_most",
            name="strict",
            columns=["member_id"],
            to_table="shop.members",
            to_columns=["member_id"],
            max_share=0,
        ),
        expectation(
            "expect_share_of_rows_to_be_at_most",
            name="dear",
            condition="amount > 5",
            max_share=0.1,
            or_rows=1,
        ),
        expectation(
            "expect_measure_to_be_between",
            name="members_left",
            measure="select (select count(*) from shop.members) - count(*) from {table}",
            min_value=0,
            max_value=0,
        ),
        asset="shop/orders",
        key=["order_id"],
    )
    key, loose, strict, share, measure = run_suite(suite, shop).results
    assert key.outcome is Outcome.PASSED
    assert loose.outcome is Outcome.PASSED
    assert (strict.outcome, strict.unexpected_rows) == (Outcome.FAILED, 1)
    assert share.outcome is Outcome.PASSED
    assert share.observed == pytest.approx(1 / 3)
    assert (measure.outcome, measure.observed) == (Outcome.FAILED, 1.0)


@pytest.mark.parametrize("change", ["repeat", "null"])
def test_a_repeated_and_an_unknown_key_both_break_the_key(shop: Path, change: str) -> None:
    with duckdb.connect(str(shop)) as connection:
        value = "3" if change == "repeat" else "null"
        connection.execute(f"update shop.members set member_id = {value} where member_id = 4")
    key = judged(shop, POINTS_IN_RANGE).results[0]
    assert (key.outcome, key.unexpected_rows) == (Outcome.FAILED, 1)


# -- columns -------------------------------------------------------------------------------

COLUMNS = {
    "member_id": {"type": "bigint", "nullable": False, "description": "The member."},
    "email": {
        "type": "string",
        "nullable": True,
        "description": "Where to write.",
        "personal": "identifier",
        "identifier_type": "email",
    },
    "points": {"type": "integer", "nullable": False, "description": "Points."},
    "country": {"type": "string", "nullable": False, "description": "Country."},
    "joined_on": {"type": "date", "nullable": False, "description": "First day."},
}


@pytest.mark.parametrize(
    "change, said",
    [
        ("alter table shop.members drop column points", "missing: points"),
        ("alter table shop.members add column nickname varchar", "unexpected: nickname"),
        (
            "alter table shop.members rename column points to score",
            "missing: points; unexpected: score",
        ),
        (
            "alter table shop.members alter column points type varchar",
            "wrong type: points is VARCHAR instead of INTEGER",
        ),
    ],
)
def test_columns_are_compared_by_name_before_anything_else_is_asked(
    shop: Path, change: str, said: str
) -> None:
    with duckdb.connect(str(shop)) as connection:
        connection.execute(change)
    verdict = judged(shop, columns=COLUMNS)
    assert verdict.outcome is Outcome.FAILED
    assert said in verdict.message
    assert len(verdict.results) == 1


def test_the_order_of_columns_does_not_matter(shop: Path) -> None:
    turned = dict(reversed(COLUMNS.items()))
    assert judged(shop, columns=turned).outcome is Outcome.PASSED


def test_a_null_where_the_contract_allows_none_fails(shop: Path) -> None:
    strict = {**COLUMNS, "email": {**COLUMNS["email"], "nullable": False}}
    verdict = judged(shop, columns=strict)
    assert verdict.outcome is Outcome.FAILED
    failed = next(result for result in verdict.results if result.outcome is Outcome.FAILED)
    assert (failed.column, failed.evaluated_rows, failed.unexpected_rows) == ("email", 4, 1)


def test_a_landed_file_has_the_token_the_day_and_the_batch(tmp_path: Path) -> None:
    file = tmp_path / "members.parquet"
    duckdb.connect().execute(
        "copy (select 1::bigint as member_id, repeat('a', 32) as email_token,"
        " 3::integer as points, 'US' as country, date '2017-01-01' as joined_on,"
        " date '2017-01-01' as _business_date, 'b1' as _batch_id)"
        f" to '{file}' (format parquet)"
    )
    suite = table_suite(
        expectation("expect_column_values_to_not_be_null", column="email"),
        expectation(
            "expect_measure_to_be_between",
            name="one_address_each",
            measure="select count(*) - count(distinct {email}) from {table}",
            max_value=0,
        ),
        columns=COLUMNS,
        partitioned_by="business_date",
    )
    verdict = run_suite_on_files(suite, [file])
    assert verdict.outcome is Outcome.PASSED, verdict.message
    assert "email_token" in {result.column for result in verdict.results}
    delivered = run_suite_on_files(suite, [file], layout=Layout.DELIVERED)
    assert "missing: email; unexpected: _batch_id, _business_date, email_token" in delivered.message


def test_files_that_cannot_be_read_could_not_run(tmp_path: Path) -> None:
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1" + CANARY.encode())
    for files in ([torn], [tmp_path / "nowhere.parquet"], []):
        verdict = run_suite_on_files(table_suite(POINTS_IN_RANGE), files)
        assert verdict.outcome is Outcome.COULD_NOT_RUN
        assert CANARY not in everything(verdict)


# -- nothing but counts --------------------------------------------------------------------


def test_no_value_of_a_personal_column_is_in_results_logs_or_output(
    shop: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    verdict = judged(
        shop,
        expectation("expect_column_values_to_be_in_set", column="email", value_set=["nobody"]),
        expectation("expect_column_values_to_match_pattern", column="email", pattern="^nobody$"),
        expectation("expect_column_values_to_not_be_null", column="email"),
        expectation("expect_column_values_to_be_between", column="email", min_value=0),
        expectation(
            "expect_column_distinct_values_to_be_in_set", column="email", value_set=["nobody"]
        ),
        expectation("expect_column_max_to_be_between", column="email", max_value="a"),
        # Errors of DuckDB that quote the value they stumble over.
        expectation(
            "expect_share_of_rows_to_be_at_most",
            name="cast",
            condition="cast(email as integer) > 0",
            max_share=0,
        ),
        expectation(
            "expect_measure_to_be_between",
            name="a_text",
            measure="select count(*) from shop.members where cast(email as integer) > 0",
            max_value=0,
        ),
        personal_columns=["email"],
    )
    captured = capfd.readouterr()
    assert verdict.outcome is Outcome.FAILED
    for text in (everything(verdict), caplog.text, captured.out, captured.err):
        assert "canary" not in text
        assert "example.org" not in text


def test_personal_columns_are_counted_nevertheless(shop: Path) -> None:
    verdict = judged(
        shop,
        expectation("expect_column_values_to_match_pattern", column="email", pattern="^[ab]@"),
        expectation("expect_column_values_to_not_be_null", column="email"),
        personal_columns=["email"],
    )
    counts = [(item.evaluated_rows, item.unexpected_rows) for item in verdict.results[1:]]
    assert counts == [(4, 1), (4, 1)]


def test_no_value_of_any_column_is_in_a_result(shop: Path) -> None:
    verdict = judged(
        shop,
        COUNTRY_KNOWN,
        expectation(
            "expect_column_distinct_values_to_equal_set", column="country", value_set=["US"]
        ),
        expectation("expect_column_max_to_be_between", column="joined_on", max_value="2017-01-01"),
    )
    assert [item.outcome for item in verdict.results[1:]] == [Outcome.FAILED] * 3
    assert '"XX"' not in everything(verdict)
    assert "2017-01-04" not in everything(verdict)


def test_a_judged_database_cannot_read_other_files_or_write(shop: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "open.csv").write_text("a\n1\n")

    def rows_of(path: Path) -> dict[str, Any]:
        return expectation(
            "expect_measure_to_be_between",
            name="rows",
            measure=f"select count(*) from read_csv('{path}')",
            max_value=9,
        )

    def outcome(path: Path) -> Outcome:
        return run_suite(table_suite(rows_of(path)), shop, readable=[allowed]).outcome

    assert outcome(secret) is Outcome.COULD_NOT_RUN
    assert outcome(allowed / ".." / "secret.csv") is Outcome.COULD_NOT_RUN
    assert outcome(allowed / "open.csv") is Outcome.PASSED


def test_views_with_relative_paths_are_read_from_the_search_path_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "landing").mkdir(parents=True)
    (home / "other").mkdir()
    path = tmp_path / "views.duckdb"
    with duckdb.connect(str(path), config={"file_search_path": str(home)}) as connection:
        connection.execute("create schema shop")
        for folder in ("landing", "other"):
            file = home / folder / "members.parquet"
            connection.execute(f"copy (select 1 as member_id) to '{file}' (format parquet)")
            connection.execute(
                f"create view shop.{folder} as select * from read_parquet('{folder}/*.parquet')"
            )
    verdicts = [
        run_suite(
            table_suite(asset=f"shop/{folder}"),
            path,
            readable=[home / "landing"],
            search_path=home,
        ).outcome
        for folder in ("landing", "other")
    ]
    assert verdicts == [Outcome.PASSED, Outcome.COULD_NOT_RUN]


def test_great_expectations_is_imported_only_when_a_suite_is_asked() -> None:
    script = (
        "import sys, orchestration.quality\n"
        "loaded = {'great_expectations', 'sqlalchemy', 'duckdb_engine', 'pandas'}\n"
        "assert not loaded & set(sys.modules), loaded & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_loggers_and_great_expectations_own_settings_are_left_as_they_were(shop: Path) -> None:
    logger = logging.getLogger("great_expectations")
    before = (logger.level, logger.propagate, list(logger.handlers))
    judged(shop, POINTS_IN_RANGE)
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


@pytest.mark.slow
def test_nothing_is_left_behind_when_the_process_ends(shop: Path) -> None:
    script = (
        "import sys, pathlib, tempfile\n"
        "from orchestration.quality import run_suite\n"
        "from tests.unit.quality.conftest import expectation, table_suite\n"
        "suite = table_suite(expectation('expect_column_values_to_be_unique', column='points'))\n"
        "print(run_suite(suite, pathlib.Path(sys.argv[1])).outcome)\n"
        "print(list(pathlib.Path(tempfile.gettempdir()).iterdir()))"
    )
    scratch = shop.parent / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(shop)],
        cwd=Path(__file__).resolve().parents[3],
        env={"TMPDIR": str(scratch), "HOME": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "passed\n[]\n"
    assert CANARY not in done.stderr


def test_columns_are_described_as_the_base_dialect_reads_them(tmp_path: Path) -> None:
    kinds = (
        *("varchar", "boolean", "smallint", "integer", "bigint", "float", "double", "date"),
        *("time", "timestamp", "timestamptz", "decimal(18, 2)", "decimal(38, 0)"),
    )
    columns = ", ".join(f'"a ""{number}"" column" {kind}' for number, kind in enumerate(kinds))
    with duckdb.connect(tmp_path / "kinds.duckdb") as connection:
        connection.execute('create schema "odd ""name"""')
        connection.execute(f'create table "odd ""name"""."a.table" ({columns})')
        connection.execute(f"create table bare ({columns})")
        with lend(connection) as (address, _):
            engine = create_engine(address)
            dialect: Any = engine.dialect
            with engine.connect() as asking:
                for schema, table in (('odd "name"', "a.table"), (None, "bare")):
                    ours = dialect.get_columns(asking, table, schema)
                    base = super(type(dialect), dialect).get_columns(asking, table, schema)
                    assert [column["name"] for column in ours] == [
                        column["name"] for column in base
                    ]
                    for mine, theirs in zip(ours, base, strict=True):
                        assert isinstance(theirs["type"], type(mine["type"])), mine["name"]
                with pytest.raises(DBAPIError, match="does not exist"):
                    dialect.get_columns(asking, "no_table", None)
