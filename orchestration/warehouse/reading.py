"""Open the warehouse to count and to look, never to write.

Only for the steps of a run, which hold the lock; people read published versions.
"""

import duckdb

from orchestration.settings import Settings


def open_warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection in which views find landing files by their relative names."""
    return duckdb.connect(
        str(settings.warehouse_path),
        read_only=True,
        config={"file_search_path": str(settings.home)},
    )
