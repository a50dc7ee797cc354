"""Phase `landing`: the two big entities against DuckDB's own copy of the same files.

Landing types each row, replaces cards by tokens, judges the contract, splits transactions
into days and flushes each file; the copy does none of it. Both sides are told without the
imports that a warm step has behind it.
"""

from pathlib import Path

import duckdb

from bench.harness import Candidate, Comparison, compare, cpu_ratio, python
from bench.record import PhaseResult, of_outcome
from bench.worlds import World, Worlds
from orchestration.publish.hashes import hash_relation
from orchestration.publish.quoting import literal

ENTITIES = ("transactions", "promotions")
SOURCE = "complete_journey"

_SHARED_COLUMNS = {
    "transactions": {
        "store_id": "bigint",
        "basket_id": "bigint",
        "product_id": "bigint",
        "quantity": "bigint",
        "sales_value": "decimal(18, 2)",
        "retail_disc": "decimal(18, 2)",
        "coupon_disc": "decimal(18, 2)",
        "coupon_match_disc": "decimal(18, 2)",
        "week": "bigint",
        "transaction_timestamp": "timestamp",
    },
    "promotions": {
        "product_id": "bigint",
        "store_id": "bigint",
        "display_location": "varchar",
        "mailer_location": "varchar",
        "week": "bigint",
    },
}
"""What both sides hold, in the types of the contract; a card is a number in one of them and a
token in the other."""


def landing(worlds: Worlds, rounds: int) -> PhaseResult:
    """Landing of each entity into an empty home."""
    world = worlds.panel
    comparisons = [
        Comparison(
            f"landing-{entity}",
            (_ours(entity, world), _copy(entity, world)),
            (cpu_ratio(f"{entity}: landing / copy", f"land {entity}", f"copy {entity}"),),
            reads=(world.panel / f"{entity}.parquet",),
        )
        for entity in ENTITIES
    ]
    results = [
        of_outcome(
            "landing",
            [candidate.name for candidate in comparison.candidates],
            compare(comparison, rounds, worlds.scratch),
        )
        for comparison in comparisons
    ]
    return PhaseResult(
        "landing",
        tuple(line for result in results for line in result.lines),
        tuple(spread for result in results for spread in result.spreads),
        "; ".join(
            f"{entity}: {result.note}" for entity, result in zip(ENTITIES, results, strict=True)
        ),
        tuple(one for result in results for one in result.rounds),
    )


def _ours(entity: str, world: World) -> Candidate:
    return Candidate(
        f"land {entity}",
        command=lambda place: python("bench.work", "--place", str(place), "land", entity),
        environment=lambda place: world.environment(place / "home"),
        answer=lambda place: rows_of(
            entity,
            place / "home" / "landing" / SOURCE / entity / "*" / "*.parquet",
            "household_id_token" if entity == "transactions" else "null",
        ),
        measured_inside=True,
    )


def _copy(entity: str, world: World) -> Candidate:
    return Candidate(
        f"copy {entity}",
        command=lambda place: python("bench.work", "--place", str(place), "copy-files", entity),
        environment=lambda place: world.environment(place / "home"),
        answer=lambda place: rows_of(
            entity,
            place / f"{entity}.parquet",
            "household_id" if entity == "transactions" else "null",
        ),
        measured_inside=True,
    )


def rows_of(entity: str, files: Path, card: str) -> dict[str, object]:
    """Rows and their order-free hash over what both sides hold, and how many cards there are."""
    columns = _SHARED_COLUMNS[entity]
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
    read = f"read_parquet({literal(str(files))})"
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        rows = hash_relation(connection, f"(select {typed} from {read})", list(columns))
        cards = connection.execute(f"select count(distinct {card}) from {read}").fetchone()
    return {"rows": rows, "cards": None if cards is None else cards[0]}
