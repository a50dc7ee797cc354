"""Write `parquet/<schema>/<mart>.parquet`, sharing unchanged files with the parent version.

A mart whose rows and columns equal the parent's is hard-linked: it costs no space and its
bytes stay the same for tools that compare them. Aggregated files belong to
`aggregate_files`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.publish.analytics_file import BuiltMart
from orchestration.publish.errors import PublishError, cause, reason
from orchestration.publish.manifest import MartEntry
from orchestration.publish.quoting import literal


@dataclass(frozen=True)
class Parent:
    """What the version before offers for sharing."""

    directory: Path
    marts: Mapping[str, MartEntry]


def write_parquet(
    analytics: duckdb.DuckDBPyConnection,
    version_dir: Path,
    marts: Sequence[BuiltMart],
    parent: Parent | None,
    *,
    on_mart: Callable[[str], None],
) -> dict[str, MartEntry]:
    """Write or link one file per mart; return the manifest's entries by mart.

    `analytics` is a connection whose current database is the built file.
    """
    entries = {}
    for mart in marts:
        relative = f"parquet/{mart.name.replace('.', '/', 1)}.parquet"
        path = version_dir / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        is_linked = parent is not None and _link(mart, path, parent)
        if not is_linked:
            export(analytics, f"select * from {mart.relation}", path)
        entries[mart.name] = MartEntry(
            rows=mart.rows,
            content_hash=mart.content_hash,
            equality_hash=mart.equality_hash,
            shape=mart.shape,
            columns=mart.columns,
            run_metadata=mart.run_metadata,
            data_origins=mart.data_origins,
            parquet=relative,
            bytes=path.stat().st_size,
            is_linked_to_parent=is_linked,
        )
        on_mart(mart.name)
    return entries


def export(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    """Write a query's rows as one Parquet file."""
    try:
        connection.execute(
            f"copy ({select}) to {literal(str(path))} (format parquet, compression zstd)"
        )
    except duckdb.Error as error:
        raise PublishError(
            f"{path.name} cannot be written as Parquet: {reason(error)}. Nothing was published. Free "
            "space on that disk or change the column's type in its model, then publish again"
        ) from cause(error)


def _link(mart: BuiltMart, path: Path, parent: Parent) -> bool:
    before = parent.marts.get(mart.name)
    if before is None:
        return False
    same = (before.rows, before.content_hash, before.columns)
    if same != (mart.rows, mart.content_hash, mart.columns):
        return False
    source = parent.directory / before.parquet
    try:
        if source.stat().st_size != before.bytes:
            return False
        os.link(source, path)
    except OSError:
        return False  # gone, or a file system without hard links: written anew instead
    return True
