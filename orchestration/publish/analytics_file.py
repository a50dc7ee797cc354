"""Write `analytics.duckdb`: the published marts of the warehouse and nothing else.

The schema is copied whole, so that comments, keys and NOT NULL arrive as dbt wrote them;
everything that is not published is dropped in the same transaction, before any byte of it
reaches the file; then rows are inserted table by table. A view of the warehouse becomes a
table. Parquet and the other files of a version belong elsewhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path

import duckdb

from orchestration.publish.declaration import MartDeclaration
from orchestration.publish.errors import PublishError, cause, reason
from orchestration.publish.hashes import PUBLISHED_SCHEMAS, as_hexadecimal
from orchestration.publish.manifest import ColumnEntry
from orchestration.publish.quoting import identifier, literal

STORAGE_VERSION = "v1.2.0"
"""The oldest format DuckDB 2.0 writes with all we need; every 1.2 or later client reads it."""

_COPY = "shopthread_publish"
_DBT_LEFTOVERS = ("__dbt_tmp", "__dbt_backup")


@dataclass(frozen=True)
class BuiltMart:
    """One mart as it lies in the new file; `name` is `schema.mart`."""

    name: str
    rows: int
    content_hash: str
    equality_hash: str
    shape: str
    columns: tuple[ColumnEntry, ...]
    run_metadata: tuple[str, ...]
    data_origins: tuple[str, ...]

    @property
    def relation(self) -> str:
        return identifier(*self.name.split(".", 1))


@dataclass(frozen=True)
class _Source:
    schema: str
    name: str
    is_view: bool

    @property
    def mart(self) -> str:
        return f"{self.schema}.{self.name}"


def write_analytics(
    engine: duckdb.DuckDBPyConnection,
    warehouse: Path,
    target: Path,
    *,
    home: Path,
    declared: Mapping[str, MartDeclaration] | None,
    on_mart: Callable[[str], None],
) -> tuple[BuiltMart, ...]:
    """Build `target` from `warehouse` (opened read-only), marts in order of name.

    With `declared`, exactly those marts are published; without, every table and view of the
    published schemas. `home` is where the warehouse's views look for relative paths. Raises
    PublishError when a declared mart is missing, two schemas have a mart of the same name,
    or the warehouse cannot be read.
    """
    _require_closed(warehouse)
    # dbt qualifies the names in its views with the database's name, which is the file's stem.
    catalog = warehouse.stem
    engine.execute(f"set file_search_path = {literal(str(home))}")
    try:
        engine.execute(f"attach {literal(str(warehouse))} as {identifier(catalog)} (read_only)")
    except duckdb.Error as error:
        raise PublishError(
            f"{warehouse} cannot be opened: {reason(error)}. Nothing was published. End "
            "the process that holds it, or build it with `shopthread run`"
        ) from cause(error)
    sources = _chosen(_sources(engine, catalog), declared)
    engine.execute(
        f"attach {literal(str(target))} as {_COPY} (storage_version {literal(STORAGE_VERSION)})"
    )
    engine.execute("begin")
    engine.execute(f"copy from database {identifier(catalog)} to {_COPY} (schema)")
    _drop_unpublished(engine, {source.mart for source in sources if not source.is_view})
    for source in sources:
        if source.is_view:
            _table_from_view(engine, catalog, source, (declared or {}).get(source.mart))
    engine.execute("commit")
    built = []
    for source in sources:
        _copy_rows(engine, catalog, source)
        built.append(_measure(engine, source, (declared or {}).get(source.mart)))
        on_mart(source.mart)
    _add_bare_names(engine, sources)
    engine.execute(f"checkpoint {_COPY}")
    engine.execute(f"detach {_COPY}")
    engine.execute(f"detach {identifier(catalog)}")
    require_no_wal(target)
    return tuple(built)


def require_no_wal(database: Path) -> None:
    """Raise PublishError when a write-ahead log lies beside a finished file."""
    wal = database.with_name(database.name + ".wal")
    if wal.exists():
        raise PublishError(
            f"{wal} still exists after the checkpoint, so {database.name} is not whole. Nothing "
            "was published. Publish again"
        )


def _require_closed(warehouse: Path) -> None:
    if not warehouse.is_file():
        raise PublishError(
            f"{warehouse} does not exist. Nothing was published. Build it: `shopthread run`"
        )
    wal = warehouse.with_name(warehouse.name + ".wal")
    if wal.exists():
        # A damaged log opens without an error and drops committed rows (reliability.md E3).
        raise PublishError(
            f"{wal} exists: the last phase that wrote the warehouse was killed or is still "
            "writing, and committed rows may live in the log only. Nothing was published. Run "
            "the phase again: `shopthread run`"
        )


def _sources(engine: duckdb.DuckDBPyConnection, catalog: str) -> list[_Source]:
    rows = engine.execute(
        "select schema_name, table_name, false from duckdb_tables()"
        " where database_name = $1 and list_contains($2, schema_name)"
        " union all select schema_name, view_name, true from duckdb_views()"
        " where database_name = $1 and list_contains($2, schema_name) and not internal"
        " order by all",
        [catalog, list(PUBLISHED_SCHEMAS)],
    ).fetchall()
    return [_Source(schema, name, bool(is_view)) for schema, name, is_view in rows]


def _chosen(found: Sequence[_Source], declared: Collection[str] | None) -> list[_Source]:
    chosen = [source for source in found if not source.name.endswith(_DBT_LEFTOVERS)]
    if declared is not None:
        missing = sorted(set(declared) - {source.mart for source in chosen})
        if missing:
            raise PublishError(
                f"the warehouse lacks {len(missing)} declared mart(s): {', '.join(missing)}. "
                "Nothing was published. Build them: `shopthread run`"
            )
        chosen = [source for source in chosen if source.mart in declared]
    if not chosen:
        raise PublishError(
            "the warehouse has no table in any published schema "
            f"({', '.join(PUBLISHED_SCHEMAS)}). Nothing was published. Build it: `shopthread run`"
        )
    by_name: dict[str, str] = {}
    for source in chosen:
        other = by_name.setdefault(source.name, source.mart)
        if other != source.mart:
            raise PublishError(
                f"{other} and {source.mart} have the same name, so the bare name would be "
                "ambiguous for readers. Nothing was published. Rename one of the models"
            )
    return chosen


def _drop_unpublished(engine: duckdb.DuckDBPyConnection, published_tables: Collection[str]) -> None:
    for (schema,) in engine.execute(
        "select schema_name from duckdb_schemas()"
        " where database_name = $1 and not internal and not list_contains($2, schema_name)",
        [_COPY, list(PUBLISHED_SCHEMAS)],
    ).fetchall():
        engine.execute(f"drop schema {identifier(_COPY, schema)} cascade")
    objects: list[tuple[str, str, str]] = engine.execute(
        "select 'view', schema_name, view_name from duckdb_views()"
        " where database_name = $1 and not internal"
        " union all select 'table', schema_name, table_name from duckdb_tables()"
        " where database_name = $1"
        " union all select distinct case function_type when 'table_macro' then 'macro table'"
        " else 'macro' end, schema_name, function_name from duckdb_functions()"
        " where database_name = $1 and not internal",
        [_COPY],
    ).fetchall()
    for kind, schema, name in objects:
        if kind == "table" and f"{schema}.{name}" in published_tables:
            continue
        engine.execute(f"drop {kind} {identifier(_COPY, schema, name)} cascade")
    for kind, catalog_function in (
        ("sequence", "duckdb_sequences()"),
        ("type", "duckdb_types()"),
    ):
        for schema, name in engine.execute(
            f"select schema_name, {kind}_name from {catalog_function}"
            " where database_name = $1 and schema_name = 'main'"
            + (" and not internal" if kind == "type" else ""),
            [_COPY],
        ).fetchall():
            engine.execute(f"drop {kind} {identifier(_COPY, schema, name)}")


def _table_from_view(
    engine: duckdb.DuckDBPyConnection,
    catalog: str,
    source: _Source,
    declaration: MartDeclaration | None,
) -> None:
    view = identifier(catalog, source.schema, source.name)
    table = identifier(_COPY, source.schema, source.name)
    try:
        described = engine.execute(f"describe select * from {view}").fetchall()
    except duckdb.Error as error:
        raise PublishError(
            f"view {source.mart} of the warehouse cannot be read: {reason(error)}. Nothing "
            "was published. Build it again: `shopthread run`"
        ) from cause(error)
    required = declaration.required if declaration else frozenset()
    lines = [
        f"{identifier(name)} {kind}" + (" not null" if name in required else "")
        for name, kind, *_ in described
    ]
    if declaration and declaration.key:
        lines.append(f"primary key ({', '.join(identifier(name) for name in declaration.key)})")
    engine.execute(f"create table {table} ({', '.join(lines)})")
    _copy_comments(engine, catalog, source, kind="table", target=table)


def _copy_comments(
    engine: duckdb.DuckDBPyConnection, catalog: str, source: _Source, *, kind: str, target: str
) -> None:
    """Comments of a source (table or view) put on `target`, an object of the copy."""
    function, column = (
        ("duckdb_views()", "view_name") if source.is_view else ("duckdb_tables()", "table_name")
    )
    where = [catalog, source.schema, source.name]
    for (comment,) in engine.execute(
        f"select comment from {function} where database_name = ? and schema_name = ?"
        f" and {column} = ? and comment is not null",
        where,
    ).fetchall():
        engine.execute(f"comment on {kind} {target} is {literal(comment)}")
    for name, comment in engine.execute(
        "select column_name, comment from duckdb_columns() where database_name = ?"
        " and schema_name = ? and table_name = ? and comment is not null",
        where,
    ).fetchall():
        engine.execute(f"comment on column {target}.{identifier(name)} is {literal(comment)}")


def _copy_rows(engine: duckdb.DuckDBPyConnection, catalog: str, source: _Source) -> None:
    try:
        engine.execute(
            f"insert into {identifier(_COPY, source.schema, source.name)} by name"
            f" select * from {identifier(catalog, source.schema, source.name)}"
        )
    except duckdb.ConstraintException:
        # DuckDB quotes the offending key; a key of a person does not belong into a log, so nothing of it is chained.
        raise PublishError(
            f"{source.mart} breaks a key or NOT NULL that it declares. Nothing was published. "
            "Its dbt tests name the rule: `shopthread run`"
        ) from None


def _measure(
    engine: duckdb.DuckDBPyConnection, source: _Source, declaration: MartDeclaration | None
) -> BuiltMart:
    where = [_COPY, source.schema, source.name]
    columns = engine.execute(
        "select column_name, data_type, is_nullable, comment from duckdb_columns()"
        " where database_name = ? and schema_name = ? and table_name = ? order by column_index",
        where,
    ).fetchall()
    names = [str(column[0]) for column in columns]
    run_metadata = sorted(declaration.run_metadata.intersection(names)) if declaration else []
    everything = ", ".join(map(identifier, names))
    compared = ", ".join(identifier(name) for name in names if name not in run_metadata) or "null"
    origins = (
        "list_sort(list(distinct data_origin) filter (where data_origin is not null))"
        if "data_origin" in names
        else "[]::varchar[]"
    )
    # Hashing is most of the work here, so the second hash is taken only where it can differ.
    second = f"sum(hash({compared})::hugeint)" if run_metadata else "null"
    row = engine.execute(
        f"select count(*), sum(hash({everything})::hugeint), {second}, {origins}"
        f" from {identifier(*where)}"
    ).fetchone()
    if row is None:
        raise PublishError(f"counting {source.mart} returned no row. Nothing was published")
    return BuiltMart(
        name=source.mart,
        rows=row[0],
        content_hash=as_hexadecimal(row[1]),
        equality_hash=as_hexadecimal(row[2] if run_metadata else row[1]),
        shape=_shape(engine, where, columns),
        columns=tuple(ColumnEntry(name=name, type=kind) for name, kind, *_ in columns),
        run_metadata=tuple(run_metadata),
        data_origins=tuple(row[3] or ()),
    )


def _shape(
    engine: duckdb.DuckDBPyConnection, where: list[str], columns: Sequence[Sequence[object]]
) -> str:
    """Everything a reader sees of a table beside its rows, as one hash."""
    comment = engine.execute(
        "select comment from duckdb_tables()"
        " where database_name = ? and schema_name = ? and table_name = ?",
        where,
    ).fetchall()
    constraints = engine.execute(
        "select constraint_text from duckdb_constraints()"
        " where database_name = ? and schema_name = ? and table_name = ? order by all",
        where,
    ).fetchall()
    return sha256(dumps([comment, columns, constraints], default=str).encode()).hexdigest()


def _add_bare_names(engine: duckdb.DuckDBPyConnection, sources: Sequence[_Source]) -> None:
    """Views in `main`. They name no database, so the file works under any alias."""
    engine.execute(f"use {_COPY}")
    for source in sources:
        view = identifier("main", source.name)
        engine.execute(
            f"create view {view} as select * from {identifier(source.schema, source.name)}"
        )
        published = _Source(source.schema, source.name, is_view=False)
        _copy_comments(engine, _COPY, published, kind="view", target=view)
    engine.execute("use memory")
