"""Typed files without rows, so that an entity's contracts exist before it ever landed.

Each landed entity has one beside its batches. Batches are written by `land`.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestration.landing.contract import EntityContract
from orchestration.quiet_duckdb import open_duckdb
from orchestration.sources.config import EntityConfig, SourceConfig

EMPTY = "empty"
"""Folder, among those of the partitions, that holds the file."""


def write_empty_file(folder: Path, contract: EntityContract, *, partitioned: bool) -> None:
    """Write the empty file of an entity below its landing folder, unless it is as wanted."""
    path = folder / EMPTY / "empty.parquet"
    columns = contract.landed_columns(partitioned=partitioned)
    casts = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns)
    with open_duckdb() as connection:
        if path.exists():
            described = connection.execute(
                "select column_name, column_type from"
                f" (describe select * from read_parquet({_text(path)}))"
            ).fetchall()
            wanted = connection.execute(
                f"select column_name, column_type from (describe select {casts})"
            ).fetchall()
            if described == wanted:
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        connection.execute(f"copy (select {casts} limit 0) to {_text(temporary)} (format parquet)")
        temporary.replace(path)


def write_empty_files(
    landing_dir: Path,
    sources: Iterable[SourceConfig],
    contract_of: Callable[[SourceConfig, EntityConfig], EntityContract],
) -> None:
    """Write those of whole sources which do not land here; an unchanged one is left alone."""
    for source in sources:
        for entity in source.entities:
            write_empty_file(
                landing_dir / source.source / entity.name,
                contract_of(source, entity),
                partitioned=entity.partitioned,
            )


def _text(path: Path) -> str:
    """A path as an SQL string."""
    return "'" + path.as_posix().replace("'", "''") + "'"
