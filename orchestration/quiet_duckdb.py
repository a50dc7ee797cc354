"""Open DuckDB so that it downloads nothing and never waits for itself.

By itself DuckDB fetches and loads the extension that a function or a file name asks for. Every
connection of this product is made here, or in the two modules that lock theirs further:
`publish.engine` and `quality.database`. What is done with one belongs to the caller.
"""

from pathlib import Path

import duckdb

QUIET = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # With threads of its own for input and output DuckDB 2.0.0 may wait for ever when a `copy`
    # fails (decision 0034); without them it writes as DuckDB 1 did.
    "async_threads": "0",
}
"""What every connection is opened with."""


def open_duckdb(
    database: Path | str = ":memory:", *, read_only: bool = False, **config: str
) -> duckdb.DuckDBPyConnection:
    """A connection to a file, or in memory; `config` in DuckDB's words."""
    return duckdb.connect(str(database), read_only=read_only, config={**QUIET, **config})
