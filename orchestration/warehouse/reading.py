"""Open the warehouse to count and to look, never to write.

Only for the steps of a run, which hold the lock; people read published versions.
"""

import duckdb

from orchestration.quiet_duckdb import open_duckdb
from orchestration.settings import Settings


def open_warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection in which views find landing files by their relative names."""
    return open_duckdb(settings.warehouse_path, read_only=True, file_search_path=str(settings.home))
