"""Dagster's SQLite event log with its connections kept open, and able to forget a run.

The log as shipped opens and closes a connection for every event, three for an asset's;
a gated run writes more than a thousand. Named in dagster.yaml; where and what is stored is
unchanged, so the shipped class reads the same files. Overrides two private methods and one lock,
stores batches whole, makes the pool of the runs that write, and reads Dagster's own tables:
`tests/pipeline/test_event_log.py` and `test_run_history.py` are the contract tests. Which run may
be forgotten is not known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from dagster import DagsterEventType, Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._serdes import ConfigurableClassData
from sqlalchemy import and_, create_engine, delete, event, exists, func, select, text, union
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError

from orchestration.components.check_answers import newest_answers
from orchestration.components.writer_queue import WAREHOUSE_POOL
from orchestration.settings import dagster_home_in_use

_BUSY_TIMEOUT_SECONDS = 60
"""How long a process waits for another one's commit; the shipped class waits as long."""

_REVISION = text("select version_num from alembic_version")
"""Fails without the table, which Dagster stamps last of all when it makes a shard."""

_MATERIALISED = DagsterEventType.ASSET_MATERIALIZATION.value


class WarmSqliteEventLogStorage(SqliteEventLogStorage):
    """Keeps one engine per shard, and so its connections, for the life of the process."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # The base class already asks for the index while it is made.
        self._engines: dict[str, Engine] = {}
        self._batch: dict[str, Connection] = {}
        """Open transactions of a batch, by shard; only whoever holds the lock sees any."""
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)
        # A batch holds it while each of its events asks for it again.
        self._db_lock = RLock()  # type: ignore[assignment]

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
            if shard in self._batch:
                yield self._batch[shard]
                return
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:  # noqa: FBT001, FBT002 (the base class's)
        """Make the tables of a shard that has none.

        To find out, the shipped class has Alembic read all of its scripts, in every step anew.
        """
        with suppress(DatabaseError), engine.connect() as connection:
            if connection.execute(_REVISION).first() is not None:
                return
        super()._initdb(engine, for_index_shard)

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": _BUSY_TIMEOUT_SECONDS},
            )
            event.listen(engine, "connect", _flush_at_checkpoints)
            self._engines[shard] = engine
        return self._engines[shard]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store what is told at once, in one transaction a file.

        Dagster hands over batches where DAGSTER_EVENT_BATCH_SIZE is set, which `settings` does:
        what a run means to build and to check, and materialisations of many partitions. The
        shipped class stores each event by itself, 12 ms a time.
        """
        shards = sorted({INDEX_SHARD_NAME, *(event.run_id for event in events if event.run_id)})
        with self._db_lock, ExitStack() as transactions:
            # First, so that it is last: also when the second file cannot be opened.
            transactions.callback(self._batch.clear)
            for shard in shards:
                self._batch[shard] = transactions.enter_context(self._connect(shard))
            for event in events:
                self.store_event(event)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has this table; one that was seen stays.

        Dagster asks before it stores each answer of a check, by a connection of its own.
        """
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

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

    def runs_with_a_last_word(self) -> frozenset[str]:
        """Runs of which the guard, or the page of an asset, shows the newest word.

        They hold the newest materialisation of an asset, the newest word or the newest answer
        of a check, or are the last that wanted to build an asset.
        """
        log, check = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
        newest_builds = (
            select(func.max(log.id))
            .where(log.dagster_event_type == _MATERIALISED)
            .group_by(log.asset_key)
        )
        by_check = select(func.max(check.id)).group_by(check.asset_key, check.check_name)
        answers = newest_answers().subquery()
        wanted = union(
            select(log.run_id).where(log.id.in_(newest_builds)),
            select(check.run_id).where(check.id.in_(by_check)),
            select(answers.c.run_id),
            select(AssetKeyTable.c.last_run_id),
        )
        with self.index_connection() as connection:
            return frozenset(
                run_id for (run_id,) in connection.execute(wanted) if run_id is not None
            )

    def forget_run(self, run_id: str) -> None:
        """Remove the events of a run and its file; one that has none is forgotten already.

        What is newest of a partition stays, without its run: a day that an old run landed is
        landed all the same, and the UI would show it as missing.
        """
        log, newer = SqlEventLogStorageTable.c, SqlEventLogStorageTable.alias("newer")
        is_newest_of_a_day = and_(
            log.dagster_event_type == _MATERIALISED,
            log.partition.is_not(None),
            ~exists().where(
                newer.c.asset_key == log.asset_key,
                newer.c.dagster_event_type == _MATERIALISED,
                newer.c.partition == log.partition,
                newer.c.id > log.id,
            ),
        )
        going = select(log.id).where(log.run_id == run_id, ~is_newest_of_a_day)
        with self.index_connection() as connection:
            connection.execute(
                delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(going))
            )
            connection.execute(delete(SqlEventLogStorageTable).where(log.id.in_(going)))
            connection.execute(
                delete(AssetCheckExecutionsTable).where(
                    AssetCheckExecutionsTable.c.run_id == run_id
                )
            )
        with self._db_lock:
            engine = self._engines.pop(run_id, None)
            if engine is not None:
                engine.dispose()
            self._initialized_dbs.discard(run_id)
            shard = Path(self.path_for_shard(run_id))
            for suffix in ("-wal", "-shm", ""):
                shard.with_name(shard.name + suffix).unlink(missing_ok=True)

    def dispose(self) -> None:
        """Close every connection; the base class has none to close."""
        for engine in self._engines.values():
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
