"""Every way in which the product opens DuckDB, and statements that need an extension.

`python -m tests.privacy.opened_databases`, started by `test_quiet` in a network that has only
the loopback, says how often the statements looked beyond this machine.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import yaml

from orchestration.publish.engine import EngineLimits, open_engine, open_hardened
from orchestration.quality.database import open_database, open_files
from orchestration.quiet_duckdb import open_duckdb
from orchestration.settings import PROJECT_DIR
from tools.offline import unreachable_count

# An address that belongs to nobody (RFC 5737), so that a test on a network does no harm.
_LOCKED = ("permission", "disabled")
STATEMENTS = {
    "select * from 'https://192.0.2.1/sales.parquet'": ("httpfs", *_LOCKED),
    "select * from read_parquet('s3://shop/sales.parquet')": ("httpfs", *_LOCKED),
    "select * from st_read('stores.shp')": ("spatial", *_LOCKED),
    "attach 'shop.db' as shop (type sqlite)": ("sqlite_scanner", *_LOCKED),
    "load httpfs": ("httpfs", *_LOCKED),
}
"""Statement -> words of which the refusal has one: the extension, or the closed door."""


def every_connection(
    folder: Path,
) -> Iterator[tuple[str, AbstractContextManager[duckdb.DuckDBPyConnection]]]:
    """A name and an open connection for each place of the product that opens one."""
    database, rows = folder / "opened.duckdb", folder / "opened.parquet"
    if not rows.exists():
        with open_duckdb(database) as connection:
            connection.execute("create table sale as select 1 as amount")
            connection.execute(f"copy sale to '{rows.as_posix()}'")
    limits = EngineLimits()
    yield "quiet_duckdb", open_duckdb()
    yield "publish.engine for building", open_engine(limits, None)
    yield "publish.engine for readers", open_hardened({"analytics": database}, limits)
    yield "quality.database of a file", open_database(database)
    yield "quality.database of Parquet", open_files([rows])
    yield "dbt", duckdb.connect(config={**options_of_dbt()})


def options_of_dbt() -> dict[str, str]:
    """What the profile tells dbt's connection, but for paths and limits."""
    profile = yaml.safe_load((PROJECT_DIR / "dbt_project" / "profiles.yml").read_text("utf-8"))
    options = profile["shopthread"]["outputs"]["duckdb"]["config_options"]
    return {name: str(value).lower() for name, value in options.items() if isinstance(value, int)}


def refused(connection: duckdb.DuckDBPyConnection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except duckdb.Error:
        return True
    return False


def main() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        answers = []
        for _, opened in every_connection(Path(folder)):
            with opened as connection:
                answers += [refused(connection, statement) for statement in STATEMENTS]
    ours = unreachable_count()
    # As DuckDB is by itself: without an attempt here, none of ours would be counted either.
    with duckdb.connect() as connection:
        refused(connection, next(iter(STATEMENTS)))
    return {
        "refused": all(answers) and len(answers) == 6 * len(STATEMENTS),
        "unreachable": ours,
        "a plain connection tries": unreachable_count() > ours,
    }


if __name__ == "__main__":
    print(json.dumps(main()))
