"""Tools that still carry DuckDB 1.x read what we publish.

`make test` puts such a client into an environment of its own; without it these
tests prove nothing and say so.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from orchestration.publish import current
from orchestration.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
CLIENT = """
import duckdb, json, sys
client = duckdb.connect(sys.argv[1], read_only=True)
attached = duckdb.connect()
attached.execute(f"attach '{sys.argv[1]}' as elsewhere (read_only)")
print(json.dumps({
    "version": duckdb.__version__,
    "bare": client.execute("select count(*), sum(net_amount)::varchar from fct_orders").fetchall(),
    "catalog": client.execute("select * from catalog").fetchall(),
    "attached": attached.execute("select count(*) from elsewhere.dim_customer").fetchall(),
    "comment": client.execute(
        "select comment from duckdb_tables() where table_name = 'dim_customer'").fetchall(),
    "view_column": client.execute(
        "select comment from duckdb_columns() where schema_name = 'main'"
        " and table_name = 'fct_orders' and column_name = 'net_amount'").fetchall(),
    "key": client.execute(
        "select constraint_text from duckdb_constraints() where table_name = 'dim_customer'"
        " and constraint_type = 'PRIMARY KEY'").fetchall(),
}))
"""


@pytest.fixture
def python() -> Path:
    """The interpreter of an environment with DuckDB 1.x."""
    found = Path(
        os.environ.get("SHOPTHREAD_DUCKDB1_PYTHON") or ROOT / ".venv-duckdb1" / "bin" / "python"
    )
    if not found.is_file():
        pytest.skip(
            f"no DuckDB 1.x client at {found}: nothing is proved about older readers; run "
            "`make test` or set SHOPTHREAD_DUCKDB1_PYTHON"
        )
    return found


def test_a_duckdb_1_client_reads_the_published_file(served: Settings, python: Path) -> None:
    version = current(served)
    assert version is not None
    answer = subprocess.run(
        [python, "-c", CLIENT, str(version.analytics_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    seen = json.loads(answer.stdout)
    assert seen["version"].startswith("1."), seen["version"]
    assert seen["bare"] == [[83, "4253.75"]]
    assert seen["catalog"] == [["customer", "dim_customer", 40]]
    assert seen["attached"] == [[40]]
    assert seen["comment"] == [["One row per customer; it's the whole truth."]]
    assert seen["view_column"] == [["What the retailer receives."]]
    assert seen["key"] == [["PRIMARY KEY(customer_key)"]]
