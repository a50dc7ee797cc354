"""Which columns a model's columns are made from, read from its compiled SQL.

A function of SQL and declared columns alone, so it is found once and kept beside the parsed
project under the hash of both, for every home. Showing it is the wiring's business.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.warehouse.manifest import DbtManifest

_DIALECT = "duckdb"
_RULE = "2"
"""Changes with the rules below, so that what was kept under the old ones is found again."""

Lineage = dict[str, list[tuple[str, str]]]
"""Column -> (unique id of a parent, column of it), ordered."""


def column_lineage(settings: Settings, manifest: DbtManifest, unique_id: str) -> Lineage:
    """Lineage of one model's columns; empty for a seed, a test or SQL that has none.

    Never raises for SQL that cannot be followed: lineage is shown, nothing rests on it.
    """
    node = manifest.content["nodes"].get(unique_id)
    if node is None or node["resource_type"] != "model":
        return {}
    compiled = (
        settings.dbt_target_dir / "compiled" / node["package_name"] / node["original_file_path"]
    )
    if not compiled.is_file():
        return {}
    parents = _parents(manifest, unique_id)
    sql = _with_named_sources(compiled.read_text("utf-8"), parents)
    kept = manifest.folder / "lineage" / f"{_fingerprint(sql, parents)}.json"
    if kept.is_file():
        return {
            name: [(parent, column) for parent, column in columns]
            for name, columns in json.loads(kept.read_text("utf-8")).items()
        }
    found = _follow(sql, parents)
    _keep(kept, found)
    return found


def _keep(path: Path, found: Lineage) -> None:
    """Two steps may find the same at once, and an installed project may be closed to writing."""
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(found, sort_keys=True), "utf-8")
        aside.replace(path)


def _parents(manifest: DbtManifest, unique_id: str) -> dict[str, Mapping[str, Any]]:
    nodes, sources = manifest.content["nodes"], manifest.content["sources"]
    found = {}
    for parent in manifest.content["parent_map"].get(unique_id, []):
        node = nodes.get(parent) or sources.get(parent)
        if node is not None and node["columns"]:
            found[parent] = node
    return dict(sorted(found.items()))


def _table_name(unique_id: str) -> str:
    """A plain name for a parent, so that files and catalogs need no telling apart."""
    return "t_" + hashlib.md5(unique_id.encode(), usedforsecurity=False).hexdigest()[:12]


def _with_named_sources(sql: str, parents: Mapping[str, Mapping[str, Any]]) -> str:
    for unique_id, node in parents.items():
        sql = sql.replace(str(node["relation_name"]), _table_name(unique_id))
    return sql


def _fingerprint(sql: str, parents: Mapping[str, Mapping[str, Any]]) -> str:
    columns = {unique_id: sorted(node["columns"]) for unique_id, node in parents.items()}
    text = "|".join([_RULE, sql, json.dumps(columns, sort_keys=True)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _follow(sql: str, parents: Mapping[str, Mapping[str, Any]]) -> Lineage:
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    by_table = {_table_name(unique_id): unique_id for unique_id in parents}
    schema: dict[str, object] = {
        _table_name(unique_id): {
            name: str(column.get("data_type") or "varchar")
            for name, column in node["columns"].items()
        }
        for unique_id, node in parents.items()
    }
    declared = {
        _table_name(unique_id): {name.lower() for name in node["columns"]}
        for unique_id, node in parents.items()
    }
    found: Lineage = {}
    try:
        query: Any = qualify(
            parse_one(sql, dialect=_DIALECT),
            schema=schema,
            dialect=_DIALECT,
            validate_qualify_columns=False,
            identify=False,
        )
        scope = build_scope(query)
        for name in query.named_selects:
            made_from = set()
            for step in lineage(
                name, query, schema, dialect=_DIALECT, scope=scope, copy=False
            ).walk():
                table = step.source.find(exp.Table) if not step.downstream else None
                if table is not None and table.name in by_table:
                    column = step.name.rpartition(".")[2].strip('"').lower()
                    # A count or a constant ends at a table too, at a column of no name.
                    if column in declared[table.name]:
                        made_from.add((by_table[table.name], column))
            found[name.lower()] = sorted(made_from)
    except (SqlglotError, ValueError, KeyError, AttributeError):
        return {}
    return found
