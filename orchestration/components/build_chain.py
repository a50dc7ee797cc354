"""The chain from landing to the marts: what stands, what must be built, who may go on.

Joins the build stamps in the warehouse with what landing holds now. An op that finds
something unfinished or outdated behind it refuses; a full run builds it again, and only
that. Stamps and fingerprints are `orchestration.warehouse.stamps`; whether checks passed is
the guard's question.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.parquet as pq

from orchestration.disk_space import needed_to_build, require_space
from orchestration.failpoints import Place, reach
from orchestration.file_lock import hold_file
from orchestration.landing.ledger import Ledger
from orchestration.landing.stored_files import damaged_files
from orchestration.settings import Settings
from orchestration.sources.config import SourceConfig
from orchestration.warehouse.answers import Answer, Kept, keep_answers, read_kept
from orchestration.warehouse.dbt_process import NodeResult, Order, build
from orchestration.warehouse.integrity import remove_if_damaged
from orchestration.warehouse.manifest import DbtManifest, Layer
from orchestration.warehouse.reading import open_warehouse
from orchestration.warehouse.stamps import (
    Contents,
    Fingerprints,
    Stamp,
    ancestors,
    fingerprints,
    read_stamps,
    sources_read,
    stamp_building,
    stamp_built,
)

REBUILD_TAG = "shopthread/rebuild"
"""Run tag: build everything that is asked for, also what stands as it would be built."""

_SHOWN = 3
_LEDGER_SOURCE = "ledger"
_LISTS_WITH_ENTITIES = ("batches", "sources")
_SCHEMA_OF_ADAPTERS = "adapters"


class BrokenChainError(dg.Failure):
    """What an op builds on is unfinished or outdated; names it and the run that mends it."""


class DamagedLandingError(dg.Failure):
    """A landed file is not what was accepted; names it and the run that mends it."""


class DamagedWarehouseError(dg.Failure):
    """A part of the warehouse file cannot be read; the file was removed."""


@dataclass(frozen=True)
class BuildChain:
    """What stands in the warehouse, beside what would be built now. Read under the lock."""

    settings: Settings
    manifest: DbtManifest
    run_id: str
    wanted: Fingerprints
    stamps: Mapping[str, Stamp]
    contents: Contents

    def require(self, building: Sequence[str], what: str) -> None:
        """Raise BrokenChainError unless everything that `building` is built from stands.

        `what` names, for the message, what would have been made.
        """
        self._require(sorted(ancestors(self.manifest, building)), what)

    def require_all(self, what: str) -> None:
        """Raise BrokenChainError unless every model and seed of the project stands."""
        self._require(sorted(self.wanted.by_id), what)

    def _require(self, unique_ids: Sequence[str], what: str) -> None:
        unfit = self.wanted.unfit(self.stamps, unique_ids)
        if not unfit:
            return
        shown = "; ".join(self._problem(unique_id) for unique_id in unfit[:_SHOWN])
        more = f"; and {len(unfit) - _SHOWN} more" if len(unfit) > _SHOWN else ""
        raise BrokenChainError(
            description=(
                f"{what} was not made, because what it is built from does not stand: {shown}"
                f"{more}. Nothing was changed and the last published version stays served. Run "
                "job `full` (or `shopthread run`): it builds what does not fit, and only that."
            ),
            metadata={"models_that_do_not_fit": len(unfit)},
            allow_retries=False,
        )

    def _problem(self, unique_id: str) -> str:
        node = self.manifest.content["nodes"][unique_id]
        name = f"{node['schema']}/{node['name']}"
        stamp = self.stamps.get(unique_id)
        if stamp is None:
            return f"{name} was never built in this warehouse"
        if stamp.is_building:
            return f"{name} is unfinished, run {stamp.run_id[:8]} ended while it was built"
        return (
            f"{name} was built from another landing, as-of date or code, by run {stamp.run_id[:8]}"
        )

    def to_build(self, models: Sequence[str], *, rebuild: bool) -> list[str]:
        """Which of the models a step is asked for do not stand; all of them with `rebuild`."""
        return list(models) if rebuild else self.wanted.unfit(self.stamps, models)

    def announce(self, building: Iterable[str]) -> None:
        """Say, before the first is touched, that these cannot be relied on."""
        stamp_building(self.settings, self.run_id, building)

    def settle(self, built: Iterable[str]) -> None:
        """Say what these were built from; the others stay unfinished."""
        names = list(built)
        stamp_built(self.settings, self.run_id, {name: self.wanted.by_id[name] for name in names})

    def standing_answers(self, tests: Iterable[str]) -> dict[str, Answer]:
        """The answers of those tests that passed on the very rows that stand."""
        kept = self._kept()
        return {
            test: kept.answers[test]
            for test in tests
            if test in kept.answers and kept.bases.of_test(test) == kept.answers[test].basis
        }

    def reads_any_of(self, test: str, models: Sequence[str]) -> bool:
        """Whether a test reads one of these models, directly or through others."""
        return bool(ancestors(self.manifest, [test]).intersection(models))

    def keep(self, results: Sequence[NodeResult]) -> None:
        """Keep the answers of the tests that ran, for as long as what they read stands."""
        nodes = self.manifest.content["nodes"]
        tests = [item for item in results if nodes[item.unique_id]["resource_type"] == "test"]
        if not tests:
            return
        bases = self._kept().bases
        passed = {
            item.unique_id: Answer(basis, self.run_id)
            for item in tests
            if item.status.lower() == "pass"
            and (basis := bases.of_test(item.unique_id)) is not None
        }
        keep_answers(self.settings, passed, forget=[item.unique_id for item in tests])

    def _kept(self) -> Kept:
        return read_kept(self.settings, self.manifest, self.contents)


def build_chain(
    settings: Settings, ledger: Ledger, manifest: DbtManifest, run_id: str
) -> BuildChain:
    """Read the chain as it is now; the caller holds the lock of the warehouse."""
    contents = source_contents(settings, ledger, manifest)
    wanted = fingerprints(settings, manifest, contents)
    return BuildChain(settings, manifest, run_id, wanted, read_stamps(settings), contents)


@dataclass(frozen=True)
class Commission:
    """What a step is asked to build and to test, by unique id."""

    layer: Layer
    models: Sequence[str]
    tests: Sequence[str]
    run_id: str
    rebuild: bool = False
    """Build also what stands, and ask every test."""
    asked_alone: AbstractSet[str] = frozenset()
    """Tests whose model is no part of this: who asks for them wants them run."""


@dataclass(frozen=True)
class Table:
    """A table or view as it lies in the warehouse."""

    columns: tuple[tuple[str, str], ...]
    """Names and DuckDB's types, in order."""
    rows: int | None
    """None for an adapter: a view whose rows nobody counts."""


@dataclass(frozen=True)
class Outcome:
    """What became of a commission."""

    results: Sequence[NodeResult]
    ordered: Sequence[str]
    """Models that did not stand and were built, or were to be."""
    built: Sequence[str]
    standing: Sequence[str]
    tables: Mapping[str, Table]
    """Every model of the commission that stands now."""
    answers: Mapping[str, Answer]
    """Tests of the commission that were not run, because they passed on the same rows."""


def build_in_chain(
    settings: Settings,
    ledger: Ledger,
    manifest: DbtManifest,
    asked: Commission,
    sources: Sequence[SourceConfig],
    goes_on: Callable[[], None],
) -> Outcome:
    """Build what does not stand and test what no answer stands for, under the warehouse's lock.

    `goes_on` raises when the run was ended meanwhile: then what was built stays unfinished.
    Raises, before anything is touched, BrokenChainError when it would build upon something
    that does not stand and DamagedLandingError when a landed file is not whole; DbtError when
    dbt itself could not run, DamagedWarehouseError when the file was the cause of an error.
    """
    with hold_file(settings.warehouse_lock_path, f"run {asked.run_id}"):
        goes_on()
        reach(Place.WAREHOUSE_LOCKED)
        require_space(
            settings.home,
            needed_to_build(_size_of(settings.warehouse_path)),
            task=f"building {asked.layer.value}",
            kept="Nothing was built and the last published version stays served",
            then="run again: `shopthread run`",
        )
        if asked.layer is Layer.STAGING:
            ledger.export_books(settings.ledger_export_dir, sources, settings.as_of)
        if asked.layer is Layer.QUALITY:
            ledger.export_what_every_run_changes(settings.ledger_export_dir)
        reach(Place.WAREHOUSE_EXPORTED)
        chain = _chain_of_whole_file(settings, ledger, manifest, asked.run_id)
        chain.require(asked.models, f"layer {asked.layer.value}")
        # Accounts are counted again in every run: what the books say is what they check.
        recount = asked.rebuild or asked.layer is Layer.QUALITY
        ordered = chain.to_build(asked.models, rebuild=recount)
        _require_whole_landing(settings, ledger, manifest, ordered, asked.layer)
        standing = [name for name in asked.models if name not in ordered]
        answers = chain.standing_answers(
            name
            for name in asked.tests
            if not asked.rebuild
            and name not in asked.asked_alone
            and not chain.reads_any_of(name, ordered)
        )
        tests = [name for name in asked.tests if name not in answers]
        chain.announce(ordered)
        reach(Place.WAREHOUSE_ANNOUNCED)
        results: list[NodeResult] = []
        build(settings, manifest, Order(ordered, tests, standing), results.append)
        if any(result.failed for result in results):
            raise_if_damaged(settings)
        built = [result.unique_id for result in results if _is_built(manifest, result)]
        tables = _tables(settings, manifest, [*standing, *built])
        reach(Place.WAREHOUSE_BUILT)
        goes_on()
        chain.settle(built)
        chain.keep(results)
        reach(Place.WAREHOUSE_SETTLED)
    return Outcome(results, ordered, built, standing, tables, answers)


def _chain_of_whole_file(
    settings: Settings, ledger: Ledger, manifest: DbtManifest, run_id: str
) -> BuildChain:
    """The chain; that of an empty warehouse where the file cannot be opened any more."""
    try:
        return build_chain(settings, ledger, manifest, run_id)
    except duckdb.Error:
        if remove_if_damaged(settings) is None:
            raise
        return build_chain(settings, ledger, manifest, run_id)


def raise_if_damaged(settings: Settings) -> None:
    """Raise DamagedWarehouseError, after an error, when the file itself is the cause."""
    problem = remove_if_damaged(settings)
    if problem is not None:
        raise DamagedWarehouseError(
            description=(
                f"the warehouse file was damaged: {problem}. It was removed, because all of it "
                "can be built again from landing; the last published version stays served. Run "
                "job `full` (or `shopthread run`): it builds the warehouse anew"
            ),
            allow_retries=False,
        )


def _require_whole_landing(
    settings: Settings,
    ledger: Ledger,
    manifest: DbtManifest,
    ordered: Sequence[str],
    layer: Layer,
) -> None:
    """Refuse to build from landed files that are not what was accepted."""
    sources = manifest.content["sources"]
    entities = {
        (str(sources[name]["source_name"]), str(sources[name]["name"]))
        for name in sources_read(manifest, ordered)
        if sources[name]["source_name"] != _LEDGER_SOURCE
    }
    damaged = damaged_files(settings.home, ledger, entities)
    if damaged:
        shown = "; ".join(str(item) for item in damaged[:_SHOWN])
        more = f"; and {len(damaged) - _SHOWN} more" if len(damaged) > _SHOWN else ""
        raise DamagedLandingError(
            description=(
                f"layer {layer.value} was not built: {shown}{more}. Nothing was changed and the "
                "last published version stays served. Run job `full` (or `shopthread run`): "
                "landing takes them from their sources again, or says what it cannot get"
            ),
            metadata={"damaged_files": len(damaged)},
            allow_retries=False,
        )


def _is_built(manifest: DbtManifest, result: NodeResult) -> bool:
    """Whether a result is that of a model or seed that now stands."""
    kind = manifest.content["nodes"][result.unique_id]["resource_type"]
    return kind != "test" and not result.failed and result.status != "skipped"


def _tables(
    settings: Settings, manifest: DbtManifest, unique_ids: Sequence[str]
) -> dict[str, Table]:
    if not unique_ids or not settings.warehouse_path.exists():
        return {}
    nodes = manifest.content["nodes"]
    names = {
        unique_id: (str(nodes[unique_id]["schema"]), str(nodes[unique_id]["alias"]))
        for unique_id in unique_ids
    }
    with open_warehouse(settings) as connection:
        columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for schema, name, column, kind in connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " order by schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault((str(schema), str(name)), []).append((str(column), str(kind)))
        return {
            unique_id: Table(tuple(columns.get(place, ())), _count(connection, *place))
            for unique_id, place in names.items()
        }


def _count(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int | None:
    if schema == _SCHEMA_OF_ADAPTERS:
        return None
    counted = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
    return int(counted[0]) if counted else 0


def source_contents(settings: Settings, ledger: Ledger, manifest: DbtManifest) -> Contents:
    """What every source of the dbt project holds.

    Of a landed entity: its accepted batches, whose files never change. Of the ledger: the
    file that was exported for dbt last, and of a list with entities what it says of each.
    """
    accepted = ledger.accepted_batches()
    whole = {}
    by_entity = {}
    for unique_id, source in manifest.content["sources"].items():
        name = str(source["name"])
        if source["source_name"] == _LEDGER_SOURCE:
            path = settings.ledger_export_dir / f"{name}.parquet"
            whole[unique_id] = _digest_of_file(path)
            if name in _LISTS_WITH_ENTITIES:
                by_entity[unique_id] = _digests_by_entity(path)
        else:
            batches = accepted.get((str(source["source_name"]), name), ())
            whole[unique_id] = hashlib.sha256("\n".join(batches).encode()).hexdigest()
    return Contents(whole, by_entity)


def _digests_by_entity(path: Path) -> dict[str, str]:
    """Digest of the rows of each entity in an exported list; of batches only the accepted."""
    if not path.exists():
        return {}
    lines: dict[str, list[str]] = {}
    for row in pq.read_table(path).to_pylist():
        if row.get("verdict", "accepted") == "accepted":
            lines.setdefault(str(row["entity"]), []).append(
                json.dumps(row, sort_keys=True, default=str)
            )
    return {
        entity: hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
        for entity, found in lines.items()
    }


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "never exported"
