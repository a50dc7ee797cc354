"""Readers: what they may do, and everything they must not be able to do (E6)."""

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    EngineLimits,
    PublishedStateError,
    PublishedVersion,
    QueryError,
    UnknownVersionError,
    connect,
    current,
    query,
)
from orchestration.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
OUTSIDE = (
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from glob('/*')",
    "copy dim_customer to '{tmp}/stolen.csv'",
    "copy (select 1) to '{tmp}/stolen.parquet' (format parquet)",
    "export database '{tmp}/stolen'",
    "import database '{tmp}'",
    "attach '{identified}' as people (read_only)",
    "install httpfs",
    "load httpfs",
    "create persistent secret s (type http)",
    "set memory_limit = '64GB'",
    "set threads = 64",
    "set enable_external_access = true",
    "set disabled_filesystems = ''",
    "set temp_directory = '{tmp}'",
    "set lock_configuration = false",
    "reset memory_limit",
    "pragma profiling_output = '{tmp}/profile'",
    "call enable_logging(storage = 'file', storage_path = '{tmp}/log')",
    "select * from secret_variable_of_the_caller",
)
THE_OPENED_FILE = (
    "select * from read_blob('{analytics}')",
    "copy (select 1) to '{analytics}' (format csv)",
    "copy (select 1) to '{analytics}' (format csv, use_tmp_file false)",
    "copy (select 1) to '{analytics}.wal' (format csv, use_tmp_file false)",
    "copy (select 1) to '{analytics}' (format parquet)",
)
WRITES = (
    "create table written (a integer)",
    "create table kpi.written (a integer)",
    "create view written as select 1",
    "insert into dim_campaign values ('k', 'A', 'panel')",
    "update customer.dim_customer set order_count = 0",
    "delete from customer.dim_customer",
    "drop table customer.dim_customer",
    "alter table customer.dim_customer add column a integer",
    "comment on table customer.dim_customer is 'mine now'",
)


@pytest.fixture
def version(served: Settings) -> PublishedVersion:
    found = current(served)
    assert found is not None
    return found


@pytest.fixture(params=[False, True], ids=["analytics", "personal"])
def reader(served: Settings, request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(served, personal=request.param) as connection:
        yield connection


def digests(version: PublishedVersion) -> dict[str, str]:
    return {
        str(path): sha256(path.read_bytes()).hexdigest()
        for path in version.directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("group", [OUTSIDE, THE_OPENED_FILE, WRITES], ids=["out", "own", "write"])
def test_a_reader_cannot_leave_its_file_or_write(
    reader: duckdb.DuckDBPyConnection,
    version: PublishedVersion,
    tmp_path: Path,
    group: tuple[str, ...],
) -> None:
    secret_variable_of_the_caller = duckdb.sql("select 1")
    assert secret_variable_of_the_caller is not None
    before = digests(version)
    allowed = []
    for probe in group:
        sql = probe.format(
            tmp=tmp_path, identified=version.identified_path, analytics=version.analytics_path
        )
        try:
            reader.execute(sql).fetchall()
        except duckdb.Error:
            continue
        allowed.append(sql)
    assert allowed == []
    assert digests(version) == before
    assert list(tmp_path.iterdir()) == []


def test_every_connection_of_a_process_is_hardened_and_temporary_tables_work(
    served: Settings,
) -> None:
    with connect(served) as first, connect(served) as second:
        for reader in (first, second):
            reader.execute("create temp table mine as select count(*) as n from dim_customer")
            assert reader.execute("select n from mine").fetchone() == (40,)
            with pytest.raises(duckdb.Error):
                reader.execute("select * from read_text('/etc/passwd')")


def test_identifiers_are_only_where_they_were_asked_for(served: Settings) -> None:
    with connect(served, personal=True) as personal, connect(served) as plain:
        rows = personal.execute(
            "select count(*) from dim_customer"
            " inner join identified.customer_identifier using (customer_key)"
        ).fetchone()
        assert rows == (40,)
        with pytest.raises(duckdb.Error, match="identified"):
            plain.execute("select * from identified.customer_identifier")


def test_a_query_too_large_for_its_memory_fails_and_spills_nowhere(served: Settings) -> None:
    large = "select count(*) from (select distinct range || 'x' from range(5000000))"
    with (
        connect(served, limits=EngineLimits(memory="60MB", threads=1)) as reader,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        reader.execute(large)


def test_a_slow_query_writes_nothing_between_the_rows_of_a_caller(served: Settings) -> None:
    # DuckDB takes `python -c` and `python -m` for a session with somebody watching.
    program = (
        "import sys; from orchestration.publish import connect;"
        "from orchestration.settings import load_settings;"
        "c = connect(load_settings({'SHOPTHREAD_HOME': sys.argv[1]}));"
        "print(c.execute(\"select current_setting('enable_progress_bar')\").fetchone())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(served.home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "(False,)\n"


def test_a_query_gives_its_columns_and_rows(served: Settings) -> None:
    sql = "select customer_key, order_count from dim_customer order by customer_key limit 3"
    with query(served, sql) as result:
        assert [(column.name, column.type) for column in result.columns] == [
            ("customer_key", "VARCHAR"),
            ("order_count", "BIGINT"),
        ]
        assert list(result.rows) == [("c0", 0), ("c1", 1), ("c10", 3)]
        assert result.version.version == 1
    with query(served, "select range from range(2500)") as result:
        assert sum(1 for _ in result.rows) == 2500


def test_a_wrong_query_says_what_and_where_and_what_next(served: Settings) -> None:
    with pytest.raises(QueryError) as refused, query(served, "select * from dim_custom"):
        pass
    assert "version 1 refused the query" in str(refused.value)
    assert "dim_customer" in str(refused.value)
    assert "select * from catalog" in str(refused.value)
    with pytest.raises(QueryError), query(served, "select 'a'::integer") as result:
        list(result.rows)
    with query(served, "-- nothing") as result:
        assert (result.columns, list(result.rows)) == ((), [])


def test_without_a_version_a_reader_is_told_what_to_do(tmp_path: Path, served: Settings) -> None:
    empty = load_settings({"SHOPTHREAD_HOME": str(tmp_path / "var")})
    with pytest.raises(PublishedStateError, match="Publish first: `shopthread run`"):
        connect(empty)
    with pytest.raises(UnknownVersionError, match="version 12 is not in"):
        connect(served, version=12)
    assert not (tmp_path / "var").exists(), "asking creates nothing"
