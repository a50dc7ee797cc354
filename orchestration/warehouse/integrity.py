"""Is the warehouse file whole: every block of every table can be read.

DuckDB checks a block when it is read, so damage shows only where somebody looks; whoever
meets an error asks here. Everything in the file can be built again from landing, so a
damaged one is removed. Landed files are checked by `orchestration.landing.stored_files`.
"""

import re
from pathlib import Path

import duckdb

from orchestration.quiet_duckdb import open_duckdb
from orchestration.settings import Settings

_HELD_BY_ANOTHER = "Could not set lock"
_HOLDER = re.compile(r"Conflicting lock is held in (.+? \(PID \d+\))")
"""A program and its process: names and numbers, no values."""


class WarehouseHeldError(RuntimeError):
    """Another program has the warehouse file open; nothing was read or changed."""


def remove_if_damaged(settings: Settings) -> str | None:
    """Remove the warehouse when a part of it cannot be read; returns what could not.

    Reads every row of every table (about a second for the panel's 430 MB), so it is asked
    after an error, never before. The caller holds the lock of the warehouse. Raises
    WarehouseHeldError when another program holds the file.
    """
    if not settings.warehouse_path.exists():
        return None
    problem = _damage(settings.warehouse_path)
    if problem is not None:
        Path(f"{settings.warehouse_path}.wal").unlink(missing_ok=True)
        settings.warehouse_path.unlink(missing_ok=True)
    return problem


def _damage(path: Path) -> str | None:
    table = "the file"
    try:
        with open_duckdb(path, read_only=True) as connection:
            connection.execute("set enable_progress_bar = false")
            for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
                " where database_name = current_database() and not temporary"
                " order by schema_name, table_name"
            ).fetchall():
                table = f"{schema}.{name}"
                connection.execute(f'select bit_xor(hash(whole)) from "{schema}"."{name}" as whole')
                connection.fetchall()
    except duckdb.Error as error:
        if _HELD_BY_ANOTHER in str(error):
            raise WarehouseHeldError(_held(path, error)) from None
        # The engine's own text may quote a value: say where and of what kind.
        return f"{table} cannot be read ({type(error).__name__})"
    return None


def _held(path: Path, error: duckdb.Error) -> str:
    found = _HOLDER.search(str(error))
    who = found.group(1) if found else "another program"
    return (
        f"{path.name} is open in {who}, which is no run of this product; nothing was read or "
        "changed and the last published version stays served. Close it (readers open published "
        "versions: `shopthread query`), then run again"
    )
