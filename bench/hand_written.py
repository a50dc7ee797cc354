"""The floor: the published business marts, written by hand in DuckDB SQL and nothing else.

`python -m bench.hand_written --panel FOLDER --output FILE` runs `bench/floor/*.sql` in the
order of their names: no orchestration, no checks, no versions, no comments on tables. Two
things cannot be said in SQL and are done here, inside the measured time: the keyed token of
each card, and reading the source's own configuration for `dim_source`. Nothing of the product
is imported, so that an equal result is a second opinion and not the same code twice.
"""

import argparse
import hashlib
import hmac
import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import yaml

ROOT = Path(__file__).resolve().parent.parent
STATEMENTS = ROOT / "bench" / "floor"
SEEDS = ROOT / "dbt_project" / "seeds"
SOURCE = ROOT / "orchestration" / "defs" / "sources" / "complete_journey" / "defs.yaml"
DEMO_KEY = "shopthread-public-demo-key"
THREADS = 2
MEMORY = "1GB"
"""As the product by default: both sides are held to the same."""

_FILES_WITH_CARDS = ("transactions", "campaigns", "coupon_redemptions", "demographics")

_CONFIGURED = """
create temp table configured (
    source_key varchar, vendor varchar, entity varchar, channel_key varchar,
    description varchar, owner varchar, collection_method varchar, data_party varchar,
    personal_data_level varchar, lawful_basis varchar, retention_days bigint,
    version_rule varchar, on_bad_batch varchar, cadence varchar, max_age_hours bigint,
    is_partitioned boolean, is_required boolean, time_zone varchar, data_origin varchar
)
"""


def token(card: int, key: str) -> str:
    """What stands for a card everywhere behind landing: 128 bits of a keyed hash."""
    message = f"loyalty_card\x1f{card}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:32]


def build(panel: Path, output: Path, first: date, last: date, key: str) -> None:
    """Write every business mart into `output`, a new DuckDB file."""
    output.unlink(missing_ok=True)
    with duckdb.connect(
        str(output), config={"threads": THREADS, "memory_limit": MEMORY}
    ) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("set TimeZone = 'UTC'")
        for name, value in {
            "panel": panel.as_posix(),
            "seeds": SEEDS.as_posix(),
            "first_day": first,
            "last_day": last,
        }.items():
            connection.execute(f"set variable {name} = $1", [value])
        _tokenise(connection, key)
        _read_configuration(connection)
        for path in sorted(STATEMENTS.glob("*.sql")):
            connection.execute(path.read_text(encoding="utf-8"))
        connection.execute("checkpoint")


def _tokenise(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    files = " union ".join(
        f"select household_id from read_parquet(getvariable('panel') || '/{name}.parquet')"
        for name in _FILES_WITH_CARDS
    )
    cards = [row[0] for row in connection.execute(files).fetchall()]
    connection.execute(
        "create temp table cards as"
        " select unnest($1::bigint[]) as household_id, unnest($2::varchar[]) as token",
        [cards, [token(card, key) for card in cards]],
    )


def _read_configuration(connection: duckdb.DuckDBPyConnection) -> None:
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["attributes"]
    connection.execute(_CONFIGURED)
    connection.executemany(
        f"insert into configured values ({', '.join('?' * 19)})",
        [_configured(source, entity) for entity in source["entities"]],
    )


def _configured(source: dict[str, Any], entity: dict[str, Any]) -> list[Any]:
    """One row of `configured`; what a file leaves out has the default of its schema."""
    return [
        source["source"],
        source["vendor"],
        entity["name"],
        entity["channel"],
        entity["description"],
        source["owner"],
        entity.get("collection_method", "transactional"),
        source.get("data_party", "first"),
        entity.get("personal_data", "none"),
        source["lawful_basis"],
        source.get("retention_days"),
        entity.get("version", "arrival"),
        entity.get("on_bad_batch", "serve_last_good"),
        source["cadence"],
        entity.get("max_age_hours", 48),
        entity.get("partitioned", False),
        entity.get("required", False),
        source["time_zone"],
        source["data_origin"],
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="bench.hand_written")
    parser.add_argument("--panel", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--output", type=Path, required=True, help="DuckDB file to write")
    parser.add_argument("--first", type=date.fromisoformat, default=date(2017, 1, 1))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2017, 12, 31))
    options = parser.parse_args()
    key = os.environ.get("SHOPTHREAD_IDENTITY_KEY") or DEMO_KEY
    build(options.panel, options.output, options.first, options.last, key)


if __name__ == "__main__":
    main()
