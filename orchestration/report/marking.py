"""Figures on the page that a machine can read back.

A figure is written as `<data data-figure="name" value="exact">text</data>`: people read
the text, tests and screen scrapers the exact value. Its names are stable.
"""

import re
from datetime import date
from decimal import Decimal

from markupsafe import Markup


def figure(name: str, exact: int | Decimal | date | str, text: str) -> Markup:
    """Mark `text` as the figure `name` with its exact value; everything is escaped."""
    value = f"{exact:f}" if isinstance(exact, Decimal) else str(exact)
    return Markup('<data data-figure="{}" value="{}">{}</data>').format(name, value, text)


def breakable(name: str) -> Markup:
    """A technical name that may be broken after its separators, where a line is narrow."""
    pieces = re.split(r"(?<=[_/.:])", name)
    return Markup("<wbr>").join(pieces)


def sentence(pattern: str, /, **parts: object) -> Markup:
    """Fill `pattern`, which is text of ours, with parts; parts that are not markup are escaped."""
    return Markup(pattern).format(**parts)  # noqa: S704 - patterns are literals of `sentences`
