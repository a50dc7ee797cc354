"""Write `identified.duckdb`: which raw identifiers belong to which customer, nothing else.

The only published file with direct identifiers. Raw values come from the restricted folder
beside landing, which dbt never reads; the customer comes from the published bridge.
"""

from pathlib import Path

import duckdb

from orchestration.publish.analytics_file import STORAGE_VERSION, require_no_wal
from orchestration.publish.errors import PublishError, cause, reason
from orchestration.publish.hashes import hash_relation
from orchestration.publish.manifest import IdentifiedEntry
from orchestration.publish.quoting import identifier, literal

TABLE = "customer_identifier"
COLUMNS = ("customer_key", "identifier_type", "identifier_value")
BRIDGE = "customer.bridge_customer_identifier"

_CATALOG = "shopthread_identified"
_TYPES = "identifier_type varchar, raw varchar, token varchar"


def write_identified(
    analytics: duckdb.DuckDBPyConnection, identifiers_dir: Path, target: Path, *, has_bridge: bool
) -> IdentifiedEntry:
    """Join the bridge of the built file with the raw values by identifier type and token.

    `analytics` is a connection whose current database is the built file. Without a bridge
    the table is empty.
    """
    table = identifier(_CATALOG, "main", TABLE)
    analytics.execute(
        f"attach {literal(str(target))} as {_CATALOG} (storage_version {literal(STORAGE_VERSION)})"
    )
    analytics.execute(
        f"create table {table} (customer_key varchar not null, identifier_type varchar not null,"
        " identifier_value varchar not null)"
    )
    for kind, name, comment in (
        ("table", table, "One row per customer and raw identifier. Direct personal data."),
        ("column", f"{table}.customer_key", "The customer, as in dim_customer."),
        ("column", f"{table}.identifier_type", "What kind of identifier it is."),
        ("column", f"{table}.identifier_value", "The identifier as its source delivered it."),
    ):
        analytics.execute(f"comment on {kind} {name} is {literal(comment)}")
    without_raw = _fill(analytics, table, identifiers_dir) if has_bridge else 0
    measured = hash_relation(analytics, table, COLUMNS)
    analytics.execute(f"checkpoint {_CATALOG}")
    analytics.execute(f"detach {_CATALOG}")
    require_no_wal(target)
    return IdentifiedEntry(
        rows=measured.rows,
        content_hash=measured.hash,
        bridge_rows_without_raw_value=without_raw,
    )


def _fill(analytics: duckdb.DuckDBPyConnection, table: str, identifiers_dir: Path) -> int:
    files = sorted(str(path) for path in identifiers_dir.glob("*.parquet"))
    raw = (
        f"(select identifier_type, raw, token from read_parquet([{', '.join(map(literal, files))}],"
        " union_by_name = true))"
        if files
        else f"(select {', '.join(f'null::{kind} as {name}' for name, kind in _raw_columns())}"
        " where false)"
    )
    bridge = identifier(*BRIDGE.split(".", 1))
    try:
        analytics.execute(
            f"insert into {table} select distinct bridge.customer_key, bridge.identifier_type,"
            f" known.raw from {bridge} as bridge inner join {raw} as known"
            " on known.identifier_type = bridge.identifier_type and known.token = bridge.token"
            " where known.raw is not null order by all"
        )
        row = analytics.execute(
            f"select count(*) from {bridge} as bridge anti join {raw} as known"
            " on known.identifier_type = bridge.identifier_type and known.token = bridge.token"
        ).fetchone()
    except duckdb.BinderException as error:
        raise PublishError(
            f"{BRIDGE} and the files in {identifiers_dir} cannot be joined: "
            f"{reason(error)}. Nothing was published. The bridge needs customer_key, "
            "identifier_type and token; the files identifier_type, raw and token"
        ) from error
    except duckdb.Error as error:
        raise PublishError(
            f"the raw identifiers in {identifiers_dir} cannot be read ({type(error).__name__}). "
            "Nothing was published. Land the sources again: `shopthread run`"
        ) from cause(error)
    return int(row[0]) if row else 0


def _raw_columns() -> list[tuple[str, str]]:
    return [(name, kind) for name, kind in (pair.split(" ") for pair in _TYPES.split(", "))]
