"""The DuckDB connections that build, verify and read versions: quiet, bounded, offline.

Only how a connection is opened belongs here; what is done with it lies in the modules named
after their files.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.publish.quoting import identifier, literal
from orchestration.quiet_duckdb import QUIET

_CLOSE_THE_DOORS = (
    "set enable_external_access = false",
    "set disabled_filesystems = 'LocalFileSystem'",
    "set lock_configuration = true",
)


@dataclass(frozen=True)
class EngineLimits:
    """What one connection may use; `memory` in DuckDB's words."""

    memory: str = "3GB"
    threads: int = 2


def open_engine(limits: EngineLimits, spill_dir: Path | None) -> duckdb.DuckDBPyConnection:
    """An instance of its own, in memory; without a folder to spill to, it never does."""
    connection = duckdb.connect(
        ":memory:",
        config={
            **QUIET,
            "python_enable_replacements": "false",
            "memory_limit": limits.memory,
            "threads": str(limits.threads),
            "temp_directory": str(spill_dir or ""),
        },
    )
    # Neither is an option of connect(). DuckDB takes `python -m` for an interactive session
    # and draws a bar on the standard output once a statement takes two seconds.
    connection.execute("set enable_progress_bar = false")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def open_hardened(files: dict[str, Path], limits: EngineLimits) -> duckdb.DuckDBPyConnection:
    """Attach `files` (by database name) read-only, the first as the default, and lock up.

    Nothing else can be read or written afterwards, not even the attached files by path: with
    external access off, DuckDB 2.0 still lets SQL overwrite an opened file and its `.wal`
    (`copy … (use_tmp_file false)`, measured November 2026), so the local file system is
    switched off as well. An instance of its own, because settings, limits and attached files
    belong to an instance and another reader of this process must not see or change them.
    """
    connection = open_engine(limits, spill_dir=None)
    try:
        for name, path in files.items():
            connection.execute(f"attach {literal(str(path))} as {identifier(name)} (read_only)")
        connection.execute(f"use {identifier(next(iter(files)))}")
        for statement in _CLOSE_THE_DOORS:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection
