"""Names that a delivery brings along: of its columns and of its files.

A file that lost its header has a row of data for column names, and people put names into
file names, so such a name is repeated only where it is written like a name of a column. One
that is cannot be told from one that only looks like it.
"""

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_DIGITS_OF_A_NAME = 3
"""`week_53` and `address_line_2` are names; more digits are a number of something."""

_READ_AT_ONCE = 20


def is_plain(name: str) -> bool:
    """Whether a delivered name may be repeated in messages."""
    digits = sum(character.isdigit() for character in name)
    return _PLAIN.fullmatch(name) is not None and digits <= _DIGITS_OF_A_NAME


def shown(names: Iterable[str]) -> str:
    """The plain names, as far as anybody reads them, and how many others there are."""
    listed = list(names)
    plain = [name for name in listed if is_plain(name)]
    others = len(listed) - len(plain)
    if len(plain) > _READ_AT_ONCE:
        plain[_READ_AT_ONCE:] = [f"{len(plain) - _READ_AT_ONCE:,} more"]
    if others:
        plain.append(f"{others} whose name may be data")
    return ", ".join(plain)
