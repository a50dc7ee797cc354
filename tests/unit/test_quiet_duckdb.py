"""However the product opens DuckDB, no statement can wait for ever (decision 0034)."""

from pathlib import Path

from tests.privacy.opened_databases import every_connection


def test_no_connection_has_threads_that_may_wait_for_each_other(tmp_path: Path) -> None:
    threads = {}
    for name, opened in every_connection(tmp_path):
        with opened as connection:
            asked = connection.execute("select current_setting('async_threads')").fetchone()
        threads[name] = asked
    assert len(threads) == 6
    assert set(threads.values()) == {(0,)}
