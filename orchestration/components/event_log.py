"""Dagster's SQLite event log with its connections kept open.

The log as shipped opens and closes a connection for every event, three for an asset's;
a gated run writes more than a thousand. Named in dagster.yaml; where and what is stored is
unchanged, so the shipped class reads the same files. Overrides one private method, and makes
the pool of the runs that write: `tests/pipeline/test_event_log.py` is the contract test.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster import Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.settings import dagster_home_in_use

_BUSY_TIMEOUT_SECONDS = 60
"""How long a process waits for another one's commit; the shipped class waits as long."""


class WarmSqliteEventLogStorage(SqliteEventLogStorage):
    """Keeps one engine per shard, and so its connections, for the life of the process."""

    _engines: dict[str, Engine]

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "WarmSqliteEventLogStorage":
        """Without `base_dir` the files lie where Dagster puts them: under DAGSTER_HOME."""
        base_dir = config_value.get("base_dir") or str(dagster_home_in_use() / "history" / "runs")
        return cls(inst_data=inst_data, base_dir=base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        engines: dict[str, Engine] = self.__dict__.setdefault("_engines", {})
        if shard not in engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": _BUSY_TIMEOUT_SECONDS},
            )
            event.listen(engine, "connect", _flush_at_checkpoints)
            engines[shard] = engine
        return engines[shard]

    def get_concurrency_keys(self) -> set[str]:
        """The pools that have a limit; that of the runs that write always has one.

        Dagster's queue asks for them before it makes those that it lacks: of a new instance's
        first runs it launched all at once (measured).
        """
        known = super().get_concurrency_keys()
        if WAREHOUSE_POOL not in known and self.initialize_concurrency_limit_to_default(
            WAREHOUSE_POOL
        ):
            known = super().get_concurrency_keys()
        return known

    def dispose(self) -> None:
        """Close every connection; the base class has none to close."""
        for engine in self.__dict__.get("_engines", {}).values():
            engine.dispose()
        super().dispose()


def _flush_at_checkpoints(connection: Any, _record: Any) -> None:
    """Ask the disk at checkpoints and not at each commit.

    A killed process loses nothing by it. A power cut may take the last seconds of history:
    then a check has no result for what stands, and its gate is closed.
    """
    cursor = connection.cursor()
    cursor.execute("pragma synchronous = normal")
    cursor.close()
