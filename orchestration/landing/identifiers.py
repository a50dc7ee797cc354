"""Normalise raw identifiers and replace them by keyed tokens.

Works on distinct values, in Python, because the key must never enter SQL, where it
would end up in dbt's artifacts. The vault, one Parquet file per batch content in the
restricted folder, is the only place that pairs a token with its raw value. Which
columns are identifiers is declared in the contract, not here.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

RULE_VERSION = "1"
"""Changes whenever a rule below changes; a new version re-tokenises."""

_TOKEN_HEX_DIGITS = 32
_SEPARATOR = "\x1f"

VAULT_SCHEMA = pa.schema(
    [
        ("identifier_type", pa.string()),
        ("raw", pa.string()),
        ("normalised", pa.string()),
        ("token", pa.string()),
        ("rule_version", pa.string()),
        ("key_id", pa.string()),
    ]
)


class UnknownIdentifierTypeError(ValueError):
    """A contract names an identifier type for which no rule exists."""


@dataclass(frozen=True)
class Identifier:
    """One distinct raw value and what became of it; `token` None: unusable."""

    identifier_type: str
    raw: str
    normalised: str | None
    token: str | None


def _loyalty_card(raw: str) -> str | None:
    """Card numbers are compared without spaces and dashes, in upper case."""
    compact = "".join(character for character in raw if character.isalnum()).upper()
    return compact or None


_RULES = {"loyalty_card": _loyalty_card}

IDENTIFIER_TYPES = frozenset(_RULES)


def key_id(key: str) -> str:
    """Eight hex digits that tell keys apart without revealing them."""
    return hashlib.sha256(b"key id" + key.encode()).hexdigest()[:8]


def token(identifier_type: str, normalised: str, key: str) -> str:
    """The first 128 bits of HMAC-SHA-256 over type and normalised value, in hex."""
    message = f"{identifier_type}{_SEPARATOR}{normalised}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:_TOKEN_HEX_DIGITS]


def tokenise(identifier_type: str, raw_values: Iterable[str], key: str) -> tuple[Identifier, ...]:
    """Token of every distinct raw value, ordered by raw value.

    Raises UnknownIdentifierTypeError when no rule exists for the type.
    """
    rule = _RULES.get(identifier_type)
    if rule is None:
        raise UnknownIdentifierTypeError(
            f"identifier type {identifier_type!r} has no normalisation rule; known are "
            f"{', '.join(sorted(_RULES))}. Add one to orchestration/landing/identifiers.py"
        )
    found = []
    for raw in sorted(set(raw_values)):
        normalised = rule(raw)
        found.append(
            Identifier(
                identifier_type,
                raw,
                normalised,
                None if normalised is None else token(identifier_type, normalised, key),
            )
        )
    return tuple(found)


def keep_in_vault(folder: Path, identifiers: Iterable[Identifier], key: str) -> None:
    """Add usable identifiers to the vault, a file per content, private to its owner.

    The same identifiers give the same file, so that a repeated run adds nothing.
    """
    usable = [identifier for identifier in identifiers if identifier.token is not None]
    if not usable:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fingerprint = hashlib.sha256(
        _SEPARATOR.join(
            [key_id(key), RULE_VERSION, *(str(identifier.token) for identifier in usable)]
        ).encode()
    ).hexdigest()[:16]
    path = folder / f"{usable[0].identifier_type}-{fingerprint}.parquet"
    if path.exists():
        return
    table = pa.Table.from_pylist(
        [
            {
                "identifier_type": identifier.identifier_type,
                "raw": identifier.raw,
                "normalised": identifier.normalised,
                "token": identifier.token,
                "rule_version": RULE_VERSION,
                "key_id": key_id(key),
            }
            for identifier in usable
        ],
        schema=VAULT_SCHEMA,
    )
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        pq.write_table(table, handle)
    temporary.replace(path)
