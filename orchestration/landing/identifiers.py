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

from orchestration.landing.identifier_rules import GLOBAL, RULE_VERSION, SCOPED

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


_RULES = {**GLOBAL, **SCOPED}

IDENTIFIER_TYPES = frozenset(_RULES)


def key_id(key: str) -> str:
    """Eight hex digits that tell keys apart without revealing them."""
    return hashlib.sha256(b"key id" + key.encode()).hexdigest()[:8]


def token(identifier_type: str, normalised: str, key: str, scope: str | None = None) -> str:
    """The first 128 bits of HMAC-SHA-256 over type, scope and normalised value, in hex."""
    parts = [identifier_type, *([] if scope is None else [scope]), normalised]
    message = _SEPARATOR.join(parts).encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:_TOKEN_HEX_DIGITS]


def assert_known(identifier_type: str, scope: str | None, region: str | None) -> None:
    """Raise UnknownIdentifierTypeError for a type without a rule, or one declared wrongly."""
    if identifier_type not in _RULES:
        raise UnknownIdentifierTypeError(
            f"identifier type {identifier_type!r} has no normalisation rule; known are "
            f"{', '.join(sorted(_RULES))}. Add one to orchestration/landing/identifier_rules.py"
        )
    if (identifier_type in SCOPED) != (scope is not None):
        needs = "needs" if scope is None else "takes no"
        raise UnknownIdentifierTypeError(
            f"identifier type {identifier_type!r} {needs} `identifier_scope`: the system that "
            "makes its values up, because another one may mean somebody else by the same"
        )
    if (identifier_type == "phone") != (region is not None):
        needs = "needs" if region is None else "takes no"
        raise UnknownIdentifierTypeError(
            f"identifier type {identifier_type!r} {needs} `identifier_region`: the country of "
            "telephone numbers without a country code"
        )


def tokenise(
    identifier_type: str,
    raw_values: Iterable[str],
    key: str,
    *,
    scope: str | None = None,
    region: str | None = None,
) -> tuple[Identifier, ...]:
    """Token of every distinct raw value, ordered by raw value.

    `scope` is the system that made the values up, `region` the country of telephone numbers
    without a country code. Raises UnknownIdentifierTypeError when no rule exists for the type.
    """
    assert_known(identifier_type, scope, region)
    rule = _RULES[identifier_type]
    found = []
    for raw in sorted(set(raw_values)):
        normalised = rule(raw, region)
        found.append(
            Identifier(
                identifier_type,
                raw,
                normalised,
                None if normalised is None else token(identifier_type, normalised, key, scope),
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
