"""What the dbt project declares about each mart, read from its parsed manifest.

The warehouse file does not know which columns are run metadata, nor the keys of a mart that
dbt builds as a view. This module reads those few facts; it never runs dbt.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.publish.errors import PublishError
from orchestration.publish.hashes import PUBLISHED_SCHEMAS


@dataclass(frozen=True)
class MartDeclaration:
    """One mart as declared: its key and required columns, and what a run stamps on it."""

    key: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    run_metadata: frozenset[str] = frozenset()


def declared_marts(manifest_path: Path) -> dict[str, MartDeclaration]:
    """The models of the published schemas by `schema.name`, from dbt's `manifest.json`.

    Disabled and ephemeral models are not there. Raises PublishError when the file is missing
    or is no dbt manifest.
    """
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        nodes = manifest["nodes"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PublishError(
            f"{manifest_path} cannot be read as a dbt manifest ({type(error).__name__}). "
            "Nothing was published. Parse the project again (`make setup` or `dbt parse`)"
        ) from error
    return {
        f"{node['schema']}.{node.get('alias') or node['name']}": _declaration(node)
        for node in nodes
        if node["resource_type"] in ("model", "seed")
        and node["schema"] in PUBLISHED_SCHEMAS
        and _config(node).get("materialized") != "ephemeral"
    }


def _declaration(node: Mapping[str, Any]) -> MartDeclaration:
    key: tuple[str, ...] = ()
    required: set[str] = set()
    for constraint in node.get("constraints") or ():
        if constraint.get("type") == "primary_key":
            key = tuple(constraint.get("columns") or ())
        elif constraint.get("type") == "not_null":
            required.update(constraint.get("columns") or ())
    run_metadata: set[str] = set()
    for name, column in (node.get("columns") or {}).items():
        kinds = {constraint.get("type") for constraint in column.get("constraints") or ()}
        if "primary_key" in kinds:
            key = (*key, name)
        if "not_null" in kinds:
            required.add(name)
        meta = {**(column.get("meta") or {}), **(_config(column).get("meta") or {})}
        if meta.get("run_metadata"):
            run_metadata.add(name)
    if not key and _config(node).get("materialized") == "view":
        # DuckDB has no keys on views, so a view declares none; its grain is its key.
        meta = {**(node.get("meta") or {}), **(_config(node).get("meta") or {})}
        key = tuple(meta.get("grain") or ())
    return MartDeclaration(key, frozenset(required), frozenset(run_metadata))


def _config(node: Mapping[str, Any]) -> Mapping[str, Any]:
    config = node.get("config")
    return config if isinstance(config, Mapping) else {}
