"""Build stamps: which tables of the warehouse stand, and what they were built from.

A stamp lies in the warehouse file itself, so that it lives and dies with what it speaks of.
`building` is committed before the first model of a step, `built` with a fingerprint after
the last. A fingerprint covers a model's code and, through its parents, the code and the
landed batches behind it: equal fingerprints mean equal tables. A model that takes from the
list of batches those of some entities says so in its meta, and follows no other entity. A killed or a broken step
leaves `building`, and what is built from an older landing no longer fits; either is built
again by the next run that asks for it. Who refuses to go on is decided in
`orchestration.components.build_chain`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from orchestration.quiet_duckdb import open_duckdb
from orchestration.settings import Settings
from orchestration.warehouse.manifest import DbtManifest

STAMP_SCHEMA = "build_stamps"
_TABLE = f"{STAMP_SCHEMA}.stamps"
EVERY_ENTITY = ("*",)
_RULE = "2"
"""Changes whenever what a fingerprint covers changes."""
_READS_WHOLE_GRAPH = re.compile(r"\bgraph\.")
_ENGINES = ("dbt-core", "dbt-duckdb", "duckdb")
# What dbt notes about a parse, and what follows from the code and the parents: dbt lists the
# latter in an order that changes from parse to parse.
_NOT_CODE = frozenset(
    {
        *("build_path", "compiled_path", "created_at", "root_path", "unrendered_config"),
        *("depends_on", "doc_blocks", "functions", "metrics", "primary_key", "refs", "sources"),
    }
)


@dataclass(frozen=True)
class Stamp:
    """What the warehouse says of one model or seed. `building` has no fingerprint."""

    unique_id: str
    fingerprint: str | None
    run_id: str

    @property
    def is_building(self) -> bool:
        return self.fingerprint is None


@dataclass(frozen=True)
class Contents:
    """What the sources of the dbt project hold, as digests by unique id.

    A digest changes whenever a row that a model may read has changed.
    """

    whole: Mapping[str, str]
    by_entity: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of a source that lists things of many entities: what it holds of each, by entity."""

    def of(self, unique_id: str, entities: tuple[str, ...] | None) -> str:
        """What a source holds of these entities, all of it for None or an undivided source.

        Raises KeyError for a source that is not known.
        """
        if entities is None or unique_id not in self.by_entity:
            return self.whole[unique_id]
        held = self.by_entity[unique_id]
        names = sorted(held) if entities == EVERY_ENTITY else entities
        return _digest(*(f"{name}={held.get(name, 'nothing')}" for name in names))


@dataclass(frozen=True)
class Fingerprints:
    """What every model and seed is built from now; a view is its code, for it holds no rows."""

    by_id: Mapping[str, str]

    def unfit(self, stamps: Mapping[str, Stamp], unique_ids: Iterable[str]) -> list[str]:
        """Which of these do not stand as they would be built now, in the given order."""
        return [
            unique_id
            for unique_id in unique_ids
            if unique_id not in stamps or stamps[unique_id].fingerprint != self.by_id[unique_id]
        ]


def fingerprints(settings: Settings, manifest: DbtManifest, contents: Contents) -> Fingerprints:
    """Fingerprint of every model and seed of the project.

    Raises KeyError for a source whose content is not known.
    """
    nodes = manifest.content["nodes"]
    code = CodeDigests(settings, manifest)

    @cache
    def inside(unique_id: str, taken: tuple[str, ...] | None = None) -> str:
        """What reading this node gives, by everything behind it.

        `taken` holds the entities whose batches a reader takes; it narrows sources and the
        views that stand directly upon them, never what another model made of the list.
        """
        if unique_id in manifest.content["sources"]:
            return contents.of(unique_id, taken)
        own = batches_taken(nodes[unique_id])
        parents = sorted(set(nodes[unique_id]["depends_on"].get("nodes", [])))
        passed_on = taken if own is None else own
        return _digest(
            code.of(unique_id),
            *(
                f"{parent}={inside(parent, passed_on if _is_list(parent) else None)}"
                for parent in parents
            ),
        )

    def _is_list(unique_id: str) -> bool:
        """Whether a node is a source, or a view of sources alone."""
        if unique_id in manifest.content["sources"]:
            return True
        return is_view(nodes[unique_id]) and all(
            parent in manifest.content["sources"]
            for parent in nodes[unique_id]["depends_on"].get("nodes", [])
        )

    return Fingerprints(
        {
            unique_id: code.of(unique_id) if is_view(node) else inside(unique_id)
            for unique_id, node in nodes.items()
            if node["resource_type"] in {"model", "seed"}
        }
    )


def batches_taken(node: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The entities whose accepted batches a model takes from the list; None: all of the list.

    The model says so as `meta.accepted_batches_of`, beside the condition that makes it true;
    `*` takes the accepted batches of every entity and leaves out the refused ones.
    """
    named = node["config"].get("meta", {}).get("accepted_batches_of")
    return None if named is None else tuple(sorted(map(str, named)))


def is_view(node: Mapping[str, Any]) -> bool:
    """Whether a model holds no rows of its own."""
    return bool(node["config"].get("materialized") == "view")


def ancestors(manifest: DbtManifest, unique_ids: Iterable[str]) -> set[str]:
    """Every model and seed that these are built from, themselves left out."""
    nodes = manifest.content["nodes"]
    asked = set(unique_ids)
    found: set[str] = set()
    open_ids = list(asked)
    while open_ids:
        for parent in nodes[open_ids.pop()]["depends_on"].get("nodes", []):
            if parent in nodes and parent not in found:
                found.add(parent)
                open_ids.append(parent)
    return found - asked


def sources_read(manifest: DbtManifest, unique_ids: Iterable[str]) -> set[str]:
    """Sources whose rows these models read when they are built, also through views."""
    nodes = manifest.content["nodes"]
    found: set[str] = set()
    seen: set[str] = set()
    open_ids = list(unique_ids)
    while open_ids:
        for parent in nodes[open_ids.pop()]["depends_on"].get("nodes", []):
            if parent in manifest.content["sources"]:
                found.add(parent)
            elif is_view(nodes[parent]) and parent not in seen:
                seen.add(parent)
                open_ids.append(parent)
    return found


def read_stamps(settings: Settings, *, only_look: bool = False) -> dict[str, Stamp]:
    """Stamps by unique id, none when no warehouse or no stamp is there.

    A step opens the file for writing, which takes in the log that a killed one left; whoever
    only looks leaves it. Raises duckdb.Error when the file cannot be read.
    """
    if not settings.warehouse_path.exists():
        return {}
    with open_stamps(settings, read_only=only_look) as connection:
        return stamps_in(connection)


def stamps_in(connection: duckdb.DuckDBPyConnection) -> dict[str, Stamp]:
    """Stamps by unique id in a warehouse that is open, none when it has no stamp."""
    try:
        rows = connection.execute(
            f"select unique_id, fingerprint, run_id from {_TABLE} order by unique_id"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return {str(name): Stamp(str(name), fingerprint, str(run)) for name, fingerprint, run in rows}


def stamp_building(settings: Settings, run_id: str, unique_ids: Iterable[str]) -> None:
    """Commit, before the first of these is touched, that none of them can be relied on."""
    _write(settings, run_id, dict.fromkeys(unique_ids))


def stamp_built(settings: Settings, run_id: str, built: Mapping[str, str]) -> None:
    """Commit, after the last of these was built, what each was built from."""
    _write(settings, run_id, built)


def _write(settings: Settings, run_id: str, stamps: Mapping[str, str | None]) -> None:
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_stamps(settings) as connection:
        connection.execute("begin")
        connection.execute(f"create schema if not exists {STAMP_SCHEMA}")
        connection.execute(
            f"create table if not exists {_TABLE} (unique_id varchar primary key,"
            " fingerprint varchar, run_id varchar not null)"
        )
        if stamps:
            connection.executemany(
                f"insert or replace into {_TABLE} values (?, ?, ?)",
                [[name, fingerprint, run_id] for name, fingerprint in sorted(stamps.items())],
            )
        connection.execute("commit")
        # A damaged write-ahead log is dropped without a word (measured): keep nothing in it.
        connection.execute("checkpoint")


@contextmanager
def open_stamps(
    settings: Settings, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse file, which has to exist unless it is opened for writing.

    Opened for writing, it takes in the log that a killed writer left.
    """
    with open_duckdb(settings.warehouse_path, read_only=read_only) as connection:
        connection.execute("set enable_progress_bar = false")
        yield connection


class CodeDigests:
    """Digest of what is written about a node: its file, its properties, its macros."""

    def __init__(self, settings: Settings, manifest: DbtManifest) -> None:
        self._nodes = manifest.content["nodes"]
        self._macros = manifest.content["macros"]
        self._project = _project_digest(settings)

    def of(self, unique_id: str) -> str:
        node = self._nodes[unique_id]
        macros = self._macros_of(unique_id)
        text = [str(node.get("raw_code", "")), *macros.values()]
        parts = [self._project, self._properties(unique_id), json.dumps(macros, sort_keys=True)]
        if any(_READS_WHOLE_GRAPH.search(item) for item in text):
            parts += [self._properties(other) for other in sorted(self._nodes)]
        return _digest(*parts)

    @cache  # noqa: B019 (lives as long as one computation)
    def _properties(self, unique_id: str) -> str:
        node = self._nodes[unique_id]
        return json.dumps(
            {name: value for name, value in node.items() if name not in _NOT_CODE},
            sort_keys=True,
        )

    def _macros_of(self, unique_id: str) -> dict[str, str]:
        """The macros a node calls, and the project's own that make a table or view of it.

        What those call of dbt itself is told by dbt's version.
        """
        node = self._nodes[unique_id]
        ours = f"macro.{unique_id.split('.')[1]}."
        making = f"{ours}materialization_{node['config'].get('materialized')}_"
        made_by = [name for name in self._macros if name.startswith(making)]
        return {
            **self._reached(node["depends_on"].get("macros", [])),
            **self._reached(made_by, within=ours),
        }

    def _reached(self, names: Iterable[str], within: str = "") -> dict[str, str]:
        """The text of macros, and of all that they call whose name begins with `within`."""
        found: dict[str, str] = {}
        open_ids = list(names)
        while open_ids:
            name = open_ids.pop()
            if name not in found and name in self._macros and name.startswith(within):
                found[name] = str(self._macros[name]["macro_sql"])
                open_ids += self._macros[name]["depends_on"]["macros"]
        return found


def _project_digest(settings: Settings) -> str:
    """What holds for every model: variables, session settings, the engines' versions."""
    files = [settings.dbt_project_dir / name for name in ("dbt_project.yml", "profiles.yml")]
    return _digest(
        _RULE,
        *(f"{name} {version(name)}" for name in _ENGINES),
        *(_file_digest(path) for path in files),
    )


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
