"""Run suites on tables of DuckDB and answer passed, failed or could not run.

Everything is pushed down to SQL; no row is fetched. Columns are compared with the
contract first, then Great Expectations is asked. It reports an engine's error as a
failed expectation, so its exception information is read and such an answer becomes
*could not run*. Nothing here raises for what it finds in the data: every fault becomes
an answer that names expectation, column and counts, never a value. What happens with an
answer (a check, a refused batch, a row of `dq_results`) is decided elsewhere.
"""

import logging
import re
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.quality.by_day import (
    ROW_COUNT_TYPES,
    DayCount,
    Days,
    count_days,
    day_rule,
    day_statement,
)
from orchestration.quality.contract import compare_columns, contract_expectations
from orchestration.quality.database import (
    FILES_SCHEMA,
    FILES_TABLE,
    open_database,
    open_files,
    quoted,
)
from orchestration.quality.dialect import LentConnection, lend
from orchestration.quality.expectation_types import COLUMNS_TYPE, COUNTED_TYPES
from orchestration.quality.expectations_sql import (
    count_statement,
    counted_rule,
    register_own_expectations,
    unexpected_condition,
)
from orchestration.quality.outcomes import (
    ExpectationResult,
    Outcome,
    SuiteVerdict,
    could_not_run,
    judge,
)
from orchestration.quality.suites import Expectation, Layout, TableSuite

DEFAULT_TIMEOUT_SECONDS = 600.0

_FAULT_NAMES = (
    "InterruptException",
    "OutOfMemoryException",
    "BinderException",
    "CatalogException",
    "ParserException",
    "ConversionException",
    "OutOfRangeException",
    "InvalidInputException",
    "IOException",
    "PermissionException",
    "TypeMismatchException",
    "NotImplementedException",
    "InvalidMetricAccessorDomainKwargsKeyError",
    "KeyError",
    "TypeError",
    "ValueError",
    "AttributeError",
    "IndexError",
)
"""Names that may be read out of a traceback; its other words may be values of the data."""
_QUIET_LOGGERS = ("great_expectations", "sqlalchemy", "duckdb_engine")


@dataclass(frozen=True)
class TableCheck:
    """One suite and the table it judges; the suite's asset names the table by default."""

    suite: TableSuite
    schema: str | None = None
    table: str | None = None
    layout: Layout = Layout.DELIVERED
    days: Days | None = None
    """The days of a day-partitioned table: shares and row counts hold on each of them."""

    @property
    def place(self) -> tuple[str, str]:
        """Schema and table; a table named without a schema lies in DuckDB's `main`."""
        if self.table is None:
            return (self.schema or self.suite.schema_name, self.suite.name)
        return (self.schema or "main", self.table)

    @property
    def label(self) -> str:
        """How results name the table: the asset, whatever file it was judged in."""
        return self.suite.asset or ".".join(self.place)


@dataclass
class _Asked:
    """One expectation on its way through Great Expectations."""

    expectation: Expectation
    made: Any = None
    answer: Any = None
    fault: str | None = None
    counts: tuple[int, int] | None = field(default=None)
    by_day: tuple[DayCount, ...] = ()
    """Where a day has to hold alone: one count per judged day."""

    @property
    def failing_days(self) -> tuple[DayCount, ...]:
        """The days on which it does not hold, the worst first."""
        failing = [item for item in self.by_day if not item.holds]
        return tuple(sorted(failing, key=_badness, reverse=True))


def _badness(count: DayCount) -> tuple[float, int]:
    return (count.unexpected / count.rows if count.rows else 0.0, count.rows)


def run_suite(
    suite: TableSuite,
    database: Path | duckdb.DuckDBPyConnection,
    schema: str | None = None,
    table: str | None = None,
    *,
    layout: Layout = Layout.DELIVERED,
    readable: Sequence[Path] = (),
    search_path: Path | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> SuiteVerdict:
    """Judge one table of a DuckDB file, or of a connection the caller lends.

    See `check_database` for the arguments.
    """
    (verdict,) = check_database(
        [TableCheck(suite, schema, table, layout)],
        database,
        readable=readable,
        search_path=search_path,
        timeout_seconds=timeout_seconds,
    )
    return verdict


def run_suite_on_files(
    suite: TableSuite,
    files: Sequence[Path],
    *,
    layout: Layout = Layout.LANDED,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> SuiteVerdict:
    """Judge Parquet files of one shape as if they were one table."""
    check = TableCheck(suite, FILES_SCHEMA, FILES_TABLE, layout)
    if not files:
        return could_not_run(check.label, "no file was given to judge")
    try:
        with open_files(files) as connection:
            return _run_all([check], connection, timeout_seconds)[0]
    except (duckdb.Error, OSError) as error:
        return could_not_run(
            check.label, f"the files cannot be read as one table ({_fault(error)})"
        )


def check_database(
    checks: Sequence[TableCheck],
    database: Path | duckdb.DuckDBPyConnection,
    *,
    readable: Sequence[Path] = (),
    search_path: Path | None = None,
    memory_limit: str | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> tuple[SuiteVerdict, ...]:
    """Judge several tables over one connection; one verdict per check, in order.

    A file is opened read-only; views in it may read `readable` (files or folders) and
    nothing else, `search_path` is where their relative paths start, and `memory_limit` is
    what DuckDB may take before it spills. In a process that holds the file open for writing, pass that connection instead. Each table has
    `timeout_seconds` of wall time. Raises nothing: what cannot be judged could not run.
    """
    try:
        with open_database(
            database, readable=readable, search_path=search_path, memory_limit=memory_limit
        ) as connection:
            return _run_all(checks, connection, timeout_seconds)
    except (duckdb.Error, OSError) as error:
        reason = (
            f"the database cannot be opened ({_fault(error)}); "
            "check that it exists and that no other process writes to it"
        )
        return tuple(could_not_run(check.label, reason) for check in checks)


def _run_all(
    checks: Sequence[TableCheck], connection: duckdb.DuckDBPyConnection, timeout_seconds: float
) -> tuple[SuiteVerdict, ...]:
    with lend(connection) as (address, loan), _quiet():
        return tuple(_run_one(check, address, loan, timeout_seconds) for check in checks)


def _run_one(
    check: TableCheck, address: str, loan: LentConnection, timeout_seconds: float
) -> SuiteVerdict:
    started = time.monotonic()
    with _deadline(loan, timeout_seconds) as expired:
        try:
            verdict = _judge_table(check, address, loan, started)
        except Exception as error:  # noqa: BLE001 - whatever breaks closes the gate
            reason = f"judging it broke ({_fault(error)})"
            verdict = could_not_run(check.label, reason, seconds=time.monotonic() - started)
    if expired.is_set() and verdict.outcome is not Outcome.FAILED:
        return SuiteVerdict(
            Outcome.COULD_NOT_RUN,
            check.label,
            verdict.results,
            f"{check.label}: stopped after {timeout_seconds:g} seconds; "
            "give it more time or make the suite cheaper",
            verdict.row_count,
            time.monotonic() - started,
        )
    return verdict


def _judge_table(
    check: TableCheck, address: str, loan: LentConnection, started: float
) -> SuiteVerdict:
    schema, table = check.place
    name = quoted(schema, table)
    connection = loan.cursor()
    try:
        columns = [
            (str(row[0]), str(row[1])) for row in connection.execute(f"describe {name}").fetchall()
        ]
    except duckdb.CatalogException:
        return could_not_run(
            check.label, f"table {schema}.{table} does not exist, so its suite judged nothing"
        )
    results: list[ExpectationResult] = []
    if check.suite.columns:
        compared = _compared(check, columns)
        results.append(compared)
        if compared.outcome is not Outcome.PASSED:
            return judge(
                check.label,
                tuple(results),
                row_count=None,
                seconds=time.monotonic() - started,
            )
    row_count = _row_count(connection, name)
    names = check.suite.column_names(check.layout)
    expectations = [
        *contract_expectations(check.suite, check.layout),
        *(expectation.renamed(names) for expectation in check.suite.expectations),
    ]
    known = {column for column, _ in columns}
    personal = check.suite.personal_names(check.layout)
    asked = [_Asked(expectation) for expectation in expectations]
    for item in asked:
        absent = sorted(set(item.expectation.columns) - known)
        if absent:
            item.fault = f"column {', '.join(absent)} does not exist"
    if check.days is not None:
        _count_by_day(asked, check.days, connection)
    _ask(asked, personal, address, (schema, table))
    _count_personal(asked, personal, connection, name)
    results.extend(_result(item) for item in asked)
    failing = {
        count.day
        for item in asked
        if item.expectation.severity == "critical"
        for count in item.failing_days
    }
    return judge(
        check.label,
        tuple(results),
        row_count=row_count,
        seconds=time.monotonic() - started,
        failing_days=tuple(sorted(failing)),
    )


def _count_by_day(
    asked: Sequence[_Asked], days: Days, connection: duckdb.DuckDBPyConnection
) -> None:
    """Ask every day what has to hold on a day alone, all of it in one statement."""
    ruled = [
        (item, rule)
        for item in asked
        if item.fault is None and (rule := day_rule(item.expectation)) is not None
    ]
    if not ruled:
        return
    rules = [rule for _, rule in ruled]
    try:
        rows = connection.execute(day_statement(rules, days)).fetchall()
    except duckdb.Error as error:
        for item, _ in ruled:
            item.fault = f"its days could not be counted ({_fault(error)})"
        return
    for (item, _), counts in zip(ruled, count_days(rules, days, rows), strict=True):
        item.by_day = counts


def _is_of_days_alone(item: _Asked) -> bool:
    """Whether only days answer it: a range has more rows than a day may have."""
    return bool(item.by_day) and item.expectation.type in ROW_COUNT_TYPES


def _compared(check: TableCheck, columns: Sequence[tuple[str, str]]) -> ExpectationResult:
    expected = check.suite.duckdb_columns(check.layout)
    differences = compare_columns(expected, columns)
    return ExpectationResult(
        expectation=COLUMNS_TYPE,
        column=None,
        severity="critical",
        outcome=Outcome.FAILED if differences else Outcome.PASSED,
        evaluated_rows=None,
        unexpected_rows=None,
        observed=float(len(columns)),
        because="the contract lists the columns (2026-11)",
        message=(
            f"columns differ from the contract: {'; '.join(differences)}"
            if differences
            else f"all {len(expected)} columns are there by name and type"
        ),
    )


def _row_count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"select count(*) from {name}").fetchone()
    return int(row[0]) if row else 0


def _ask(
    asked: Sequence[_Asked],
    personal: frozenset[str],
    address: str,
    place: tuple[str, str],
) -> None:
    """Let Great Expectations answer; each item ends with an answer or a fault."""
    open_items = [item for item in asked if item.fault is None]
    if not open_items:
        return
    batch = _batch(address, place)
    for item in open_items:
        try:
            item.made = _made(item.expectation, quoted(*place))
        except Exception as error:  # noqa: BLE001 - whatever breaks closes the gate
            item.fault = f"its arguments are refused ({_fault(error)})"
    made = [item for item in open_items if item.made is not None]
    guarded = [item for item in made if _is_personal(item, personal)]
    plain = [item for item in made if not _is_personal(item, personal)]
    for group, result_format in ((guarded, "BOOLEAN_ONLY"), (plain, "BASIC")):
        _validate(batch, group, result_format)
        broken = [item for item in group if item.fault is not None]
        if len(broken) > 1:
            # Great Expectations bundles metrics into one query: a single faulty one takes
            # the others with it. Asked alone, only the faulty one stays without answer.
            for item in broken:
                item.fault = None
                _validate(batch, [item], result_format)


def _is_personal(item: _Asked, personal: frozenset[str]) -> bool:
    return bool(personal & set(item.expectation.columns))


def _batch(address: str, place: tuple[str, str]) -> Any:
    import great_expectations
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )

    register_own_expectations()
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
    )
    context: Any = great_expectations.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql(
        "judged", connection_string=address, create_temp_table=False
    )
    asset = source.add_table_asset("judged", schema_name=place[0], table_name=place[1])
    return asset.add_batch_definition_whole_table("all").get_batch()


def _made(expectation: Expectation, table: str) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    implementation: Any = get_expectation_impl(expectation.type)
    kwargs = dict(expectation.kwargs)
    if expectation.type in COUNTED_TYPES:
        rule = counted_rule(expectation.type, kwargs, table)
        kwargs = {
            "statement": rule.statement,
            "compares": rule.compares,
            "min_value": rule.min_value,
            "max_value": rule.max_value,
            "or_rows": rule.or_rows,
        }
    return implementation(**kwargs, severity=expectation.severity)


def _validate(batch: Any, items: Sequence[_Asked], result_format: str) -> None:
    """Ask `items` together; results come back in their order of asking, by our own mark."""
    if not items:
        return
    from great_expectations import ExpectationSuite

    for number, item in enumerate(items):
        item.made.meta = {"number": number}
    try:
        suite = ExpectationSuite(name="judged", expectations=[item.made for item in items])
        outcome = batch.validate(
            suite,
            result_format={"result_format": result_format, "partial_unexpected_count": 0},
        )
    except Exception as error:  # noqa: BLE001 - whatever breaks closes the gate
        for item in items:
            item.fault = f"asking it broke ({_fault(error)})"
        return
    for answer in outcome.results:
        item = items[answer.expectation_config.meta["number"]]
        item.answer = answer
        item.fault = _raised(answer.exception_info)
    for item in items:
        if item.answer is None and item.fault is None:
            item.fault = "Great Expectations gave no answer"


def _raised(exception_info: Any) -> str | None:
    """Say what broke while an expectation was evaluated, or None when nothing did."""
    if not isinstance(exception_info, dict):
        return None
    entries = [exception_info, *exception_info.values()]
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return f"the engine raised {_named_fault(str(entry.get('exception_traceback')))}"
    return None


def _count_personal(
    asked: Sequence[_Asked],
    personal: frozenset[str],
    connection: duckdb.DuckDBPyConnection,
    name: str,
) -> None:
    counted = [
        (item, condition)
        for item in asked
        if item.answer is not None and item.fault is None and _is_personal(item, personal)
        if (condition := unexpected_condition(item.expectation.type, item.expectation.kwargs))
    ]
    if not counted:
        return
    statement = count_statement([condition for _, condition in counted], name)
    row = connection.execute(statement).fetchone()
    if row is not None:
        for (item, _), unexpected in zip(counted, row[1:], strict=True):
            item.counts = (int(row[0]), int(unexpected))


def _result(item: _Asked) -> ExpectationResult:
    expectation = item.expectation
    column = ", ".join(expectation.columns) or None
    subject = f"{expectation.label} on {column}" if column else expectation.label
    evaluated, unexpected, observed = _numbers(item)
    if item.fault is not None:
        outcome, message = Outcome.COULD_NOT_RUN, f"{subject}: could not run, {item.fault}"
        evaluated = unexpected = observed = None
    elif item.failing_days:
        outcome = Outcome.FAILED
        observed = _observed_on_worst(item)
        message = f"{subject}: failed{_day_figures(item)}"
    else:
        holds = _is_of_days_alone(item) or item.answer.success
        outcome = Outcome.PASSED if holds else Outcome.FAILED
        message = f"{subject}: {outcome.value}{_figures(evaluated, unexpected, observed)}"
    return ExpectationResult(
        expectation=expectation.label,
        column=column,
        severity=expectation.severity,
        outcome=outcome,
        evaluated_rows=evaluated,
        unexpected_rows=unexpected,
        observed=observed,
        because=expectation.meta.because,
        message=message,
    )


def _numbers(item: _Asked) -> tuple[int | None, int | None, float | None]:
    if item.counts is not None:
        rows, broken = item.counts
        return rows, broken, broken / rows if rows else 0.0
    if item.answer is None:
        return None, None, None
    result = item.answer.result or {}
    evaluated = _whole(result.get("element_count"))
    unexpected = _whole(result.get("unexpected_count"))
    observed = _number(result.get("observed_value"))
    if observed is None and evaluated is not None and unexpected is not None:
        observed = unexpected / evaluated if evaluated else 0.0
    return evaluated, unexpected, observed


def _whole(value: object) -> int | None:
    return None if isinstance(value, bool) or not isinstance(value, int) else value


def _number(value: object) -> float | None:
    """Only numbers leave: a text or a list of an aggregate may hold values."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    return None


def _figures(evaluated: int | None, unexpected: int | None, observed: float | None) -> str:
    if evaluated is not None and unexpected is not None:
        return f", {unexpected:,} of {evaluated:,} rows"
    return f", observed {observed:,.6g}" if observed is not None else ""


def _observed_on_worst(item: _Asked) -> float:
    worst = item.failing_days[0]
    is_count = item.expectation.type in ROW_COUNT_TYPES
    return float(worst.rows) if is_count else _badness(worst)[0]


def _day_figures(item: _Asked) -> str:
    """How many days break it, and the worst of them; of one day alone, as of a table."""
    worst = item.failing_days[0]
    word, rows = "worst", f"{worst.unexpected:,} of {worst.rows:,} rows"
    if item.expectation.type in ROW_COUNT_TYPES:
        word, rows = "among them", f"{worst.rows:,} rows"
    if len(item.by_day) == 1:
        return f", {rows}"
    return (
        f" on {len(item.failing_days):,} of {len(item.by_day):,} days,"
        f" {word} {worst.day} with {rows}"
    )


def _fault(error: BaseException) -> str:
    """The type of an exception: its text may quote a value of the data."""
    return type(error).__name__


def _named_fault(traceback: str) -> str:
    for name in _FAULT_NAMES:
        if re.search(rf"\b{name}\b", traceback):
            return name
    return "an exception"


@contextmanager
def _deadline(loan: LentConnection, seconds: float) -> Iterator[threading.Event]:
    """Stop the loan's queries after `seconds`; the event tells whether that happened."""
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        loan.stop()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        loan.resume()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep libraries from logging: their records quote statements, errors and values."""
    loggers = [logging.getLogger(name) for name in _QUIET_LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    silence = logging.NullHandler()
    for logger in loggers:
        # Modules below that set a level of their own still end at this handler.
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        logger.addHandler(silence)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate = propagate
            logger.removeHandler(silence)
