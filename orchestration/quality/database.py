"""Open what a suite judges: read-only, behind bars.

A judged database may hold views that read files; only the files and folders named by
the caller can be read, nothing can be written, and no setting can be changed back. A
connection the caller lends instead is used as it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.quiet_duckdb import QUIET

FILES_SCHEMA = "main"
FILES_TABLE = "judged_files"
"""Where `open_files` shows the files."""


def quoted(*words: str) -> str:
    """A dotted, quoted SQL name."""
    return ".".join('"' + word.replace('"', '""') + '"' for word in words)


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _list(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"


def _lock(
    connection: duckdb.DuckDBPyConnection,
    readable: Sequence[Path],
    search_path: Path | None = None,
) -> None:
    folders = _as_written([path for path in readable if path.is_dir()], search_path)
    files = _as_written([path for path in readable if not path.is_dir()], search_path)
    connection.execute(f"set allowed_directories = {_list(folders)}")
    connection.execute(f"set allowed_paths = {_list(files)}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _as_written(paths: Sequence[Path], search_path: Path | None) -> list[Path]:
    """Each path, and as a view writes it that starts from `search_path`.

    DuckDB compares the name as written, before the search path is applied: allowing the
    absolute name alone forbids every relative one (measured, 2.0.0).
    """
    if search_path is None:
        return list(paths)
    relative = [path.relative_to(search_path) for path in paths if search_path in path.parents]
    return [*paths, *relative]


@contextmanager
def open_database(
    database: Path | duckdb.DuckDBPyConnection,
    *,
    readable: Sequence[Path] = (),
    search_path: Path | None = None,
    memory_limit: str | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB file for reading; its views may read `readable` and nothing else.

    `search_path` is the folder that relative paths inside views start from, `memory_limit` is
    in DuckDB's words; beyond it the engine spills beside the file. Raises duckdb.Error when the file cannot be opened, FileNotFoundError when there is none.
    """
    if isinstance(database, duckdb.DuckDBPyConnection):
        yield database
        return
    if not database.is_file():
        raise FileNotFoundError(f"{database} does not exist")
    connection = duckdb.connect(
        str(database),
        read_only=True,
        config={
            **QUIET,
            **({} if memory_limit is None else {"memory_limit": memory_limit}),
        },
    )
    try:
        connection.execute("set global TimeZone = 'UTC'")
        if search_path is not None:
            connection.execute(f"set global file_search_path = {literal(str(search_path))}")
        _lock(connection, readable, search_path)
        yield connection
    finally:
        connection.close()


@contextmanager
def open_files(files: Sequence[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Show Parquet files as one view `main.judged_files`; nothing else can be read.

    Raises duckdb.Error when the files cannot be read as Parquet of one shape.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            **QUIET,
            # An empty name switches spilling off: no row of a judged batch reaches a disk.
            "temp_directory": "",
        },
    )
    try:
        connection.execute("set global TimeZone = 'UTC'")
        absolute = [path.resolve() for path in files]
        connection.execute(
            f"create view {quoted(FILES_SCHEMA, FILES_TABLE)} as "
            f"select * from read_parquet({_list(absolute)}, hive_partitioning = false)"
        )
        _lock(connection, absolute)
        yield connection
    finally:
        connection.close()
