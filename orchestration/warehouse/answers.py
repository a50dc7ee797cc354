"""Answers that stand: a check that passed on rows which nobody has built again since.

An answer rests on the check's own words, on the build of every table that it reads and on how
many rows each of them holds; what it rests on lies beside it in the warehouse file, so that it
lives and dies with those rows. Only an answer without a failure and without a warning is kept,
so that whatever closed a gate or warned is asked again. Who may rely on it is decided in
`orchestration.components`: a run that builds nothing new, never one that asks for the check alone.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import duckdb

from orchestration.settings import Settings
from orchestration.warehouse.manifest import DbtManifest
from orchestration.warehouse.stamps import (
    STAMP_SCHEMA,
    CodeDigests,
    Contents,
    Stamp,
    is_view,
    open_stamps,
    stamps_in,
)

_TABLE = f"{STAMP_SCHEMA}.answers"
_ENGINE = f"great-expectations {version('great-expectations')}"
_RULE = "1"
"""Changes whenever what an answer rests on changes."""


@dataclass(frozen=True)
class Answer:
    """A check that passed: what it rests on, the run it passed in, what it counted then."""

    basis: str
    run_id: str
    numbers: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Bases:
    """What the answers of checks rest on now. Read under the lock of the warehouse."""

    manifest: DbtManifest
    code: CodeDigests
    contents: Contents
    """What landing holds, for checks that read views."""
    stamps: Mapping[str, Stamp]
    rows: Mapping[tuple[str, str], int]
    """Rows of every table and view that is there, by schema and name; a view holds none."""

    def of_test(self, unique_id: str) -> str | None:
        """What a dbt test rests on; None when something that it reads does not stand."""
        read = self._read(self._parents(unique_id))
        return None if read is None else _digest(_RULE, self.code.of(unique_id), *read)

    def of_suite(self, asset: str, suite: str) -> str | None:
        """What a suite's answer rests on; None when something that it reads does not stand.

        `asset` is the judged table as `schema/name`, `suite` all that the suite says, in which
        other tables are named as `schema.name`.
        """
        named = []
        for unique_id, node in self.manifest.content["nodes"].items():
            schema, name = str(node["schema"]), str(node.get("alias"))
            is_judged = f"{schema}/{name}" == asset
            if node["resource_type"] in {"model", "seed"} and (
                is_judged or re.search(rf"\b{schema}\.{name}\b", suite)
            ):
                named.append(unique_id)
        read = self._read(named)
        return _digest(_RULE, _ENGINE, suite, *read) if read else None

    def _read(self, unique_ids: Iterable[str]) -> list[str] | None:
        """What these hold, through views down to tables and to what landed."""
        found: dict[str, str] = {}
        open_ids = list(unique_ids)
        while open_ids:
            unique_id = open_ids.pop()
            if unique_id in found:
                continue
            if unique_id in self.manifest.content["sources"]:
                found[unique_id] = self.contents.whole[unique_id]
            elif self._place(unique_id) not in self.rows:
                return None
            elif is_view(self.manifest.content["nodes"][unique_id]):
                found[unique_id] = self.code.of(unique_id)
                open_ids += self._parents(unique_id)
            elif (build := self._build(unique_id)) is not None:
                found[unique_id] = build
            else:
                return None
        return [f"{unique_id}={held}" for unique_id, held in sorted(found.items())]

    def _parents(self, unique_id: str) -> list[str]:
        return list(self.manifest.content["nodes"][unique_id]["depends_on"].get("nodes", []))

    def _build(self, unique_id: str) -> str | None:
        """Which build of a table stands, None when none does."""
        stamp = self.stamps.get(unique_id)
        if stamp is None or stamp.is_building:
            return None
        return f"{stamp.fingerprint} by {stamp.run_id} with {self.rows[self._place(unique_id)]}"

    def _place(self, unique_id: str) -> tuple[str, str]:
        node = self.manifest.content["nodes"][unique_id]
        return str(node["schema"]), str(node["alias"])


@dataclass(frozen=True)
class Kept:
    """What the warehouse file holds of answers, and what they would rest on now."""

    bases: Bases
    answers: Mapping[str, Answer]
    """Kept answers by check."""


def read_kept(settings: Settings, manifest: DbtManifest, contents: Contents) -> Kept:
    """Both as they are now, empty when no warehouse is there.

    Raises duckdb.Error when the file cannot be read.
    """
    code = CodeDigests(settings, manifest)
    if not settings.warehouse_path.exists():
        return Kept(Bases(manifest, code, contents, {}, {}), {})
    with open_stamps(settings) as connection:
        stamps = stamps_in(connection)
        rows = connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables()"
            " union all select schema_name, view_name, 0 from duckdb_views() where not internal"
        ).fetchall()
        answers = _answers_in(connection)
    counted = {(str(schema), str(name)): int(number) for schema, name, number in rows}
    return Kept(Bases(manifest, code, contents, stamps, counted), answers)


def _answers_in(connection: duckdb.DuckDBPyConnection) -> dict[str, Answer]:
    try:
        found = connection.execute(
            f"select check_id, basis, run_id, numbers from {_TABLE} order by check_id"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return {
        str(check): Answer(str(basis), str(run), json.loads(numbers))
        for check, basis, run, numbers in found
    }


def keep_answers(
    settings: Settings, passed: Mapping[str, Answer], *, forget: Iterable[str] = ()
) -> None:
    """Commit what passed, by check, and drop the answers of checks that did not pass."""
    gone = sorted(set(forget) - set(passed))
    if not (passed or gone) or not settings.warehouse_path.exists():
        return
    with open_stamps(settings) as connection:
        connection.execute("begin")
        connection.execute(f"create schema if not exists {STAMP_SCHEMA}")
        connection.execute(
            f"create table if not exists {_TABLE} (check_id varchar primary key,"
            " basis varchar not null, run_id varchar not null, numbers varchar not null)"
        )
        if passed:
            connection.executemany(
                f"insert or replace into {_TABLE} values (?, ?, ?, ?)",
                [
                    [check, answer.basis, answer.run_id, json.dumps(answer.numbers)]
                    for check, answer in sorted(passed.items())
                ],
            )
        if gone:
            connection.executemany(
                f"delete from {_TABLE} where check_id = ?", [[name] for name in gone]
            )
        connection.execute("commit")
        # A damaged write-ahead log is dropped without a word (measured): keep nothing in it.
        connection.execute("checkpoint")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
