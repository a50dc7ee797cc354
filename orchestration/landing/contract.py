"""What landing must know of a contract: columns, types, identifiers, row rules.

The contract itself is a suite in `expectations/landing`; its expectations are judged by
`orchestration.quality`. Landing reads types and row rules from here and never sees an
expectation.
"""

import hashlib
from dataclasses import dataclass

ENGINE_TYPES = {
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
}


def engine_type(contract_type: str) -> str:
    """DuckDB's name of a contract type, `decimal(p,s)` included."""
    name = contract_type.strip().lower()
    return ENGINE_TYPES.get(name, name.upper())


@dataclass(frozen=True)
class IdentifierKind:
    """What an identifier is, and so by which rule and for whom it is the same."""

    type: str
    scope: str | None = None
    """The system that makes the identifier up, where its values mean nothing elsewhere."""
    region: str | None = None
    """Country of telephone numbers without a country code."""

    def __str__(self) -> str:
        """As fingerprints write it: what is not given adds nothing."""
        return ":".join(part for part in (self.type, self.scope, self.region) if part)


@dataclass(frozen=True)
class IdentifierBy:
    """Where another column of the row says, in the source's words, what an identifier is."""

    column: str
    kinds: tuple[tuple[str, IdentifierKind], ...]

    def __str__(self) -> str:
        return f"{self.column}?" + ",".join(f"{word}={kind}" for word, kind in self.kinds)


@dataclass(frozen=True)
class Column:
    """One delivered column. `identifier` set: a token takes its place in landing."""

    name: str
    type: str
    nullable: bool
    identifier: IdentifierKind | IdentifierBy | None = None
    description: str = ""

    @property
    def landed_name(self) -> str:
        return self.name if self.identifier is None else f"{self.name}_token"

    @property
    def landed_type(self) -> str:
        return engine_type(self.type) if self.identifier is None else "VARCHAR"

    @property
    def identifier_kinds(self) -> tuple[tuple[str | None, IdentifierKind], ...]:
        """Every kind that a value may be of, with the word that says so, where one does."""
        if isinstance(self.identifier, IdentifierBy):
            return self.identifier.kinds
        return () if self.identifier is None else ((None, self.identifier),)


@dataclass(frozen=True)
class RowRule:
    """Rows for which `predicate` (SQL over delivered columns) holds go to quarantine."""

    reason: str
    predicate: str


@dataclass(frozen=True)
class EntityContract:
    """The part of a landing suite that landing acts on."""

    columns: tuple[Column, ...]
    row_rules: tuple[RowRule, ...]
    quarantined_share_allowed: float
    """Of the delivered rows of a batch; above it the whole batch is refused."""
    quarantined_rows_allowed: int
    """Tolerated in a small batch whatever their share."""
    suite_fingerprint: str

    @property
    def schema_fingerprint(self) -> str:
        """Sixteen hex digits over names, types and order of the columns."""
        text = "|".join(
            f"{column.name}:{column.type}:{column.nullable}:{column.identifier}"
            for column in self.columns
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def landed_columns(self, *, partitioned: bool) -> tuple[tuple[str, str], ...]:
        """(name, DuckDB type) of every column of a landed file, in order."""
        columns = [(column.landed_name, column.landed_type) for column in self.columns]
        if partitioned:
            columns.append(("_business_date", "DATE"))
        columns.append(("_batch_id", "VARCHAR"))
        return tuple(columns)
