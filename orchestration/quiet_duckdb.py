"""Open DuckDB so that it downloads nothing, whatever a statement needs.

By itself DuckDB fetches and loads the extension that a function or a file name asks for. Every
connection of this product is made here, or in the two modules that lock theirs further:
`publish.engine` and `quality.database`. What is done with one belongs to the caller.
"""

from pathlib import Path

import duckdb

NOTHING_IS_FETCHED = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


def open_duckdb(
    database: Path | str = ":memory:", *, read_only: bool = False, **config: str
) -> duckdb.DuckDBPyConnection:
    """A connection to a file, or in memory; `config` in DuckDB's words."""
    return duckdb.connect(
        str(database), read_only=read_only, config={**NOTHING_IS_FETCHED, **config}
    )
