"""How a figure is written: separators, currencies, shares, changes, names.

What belongs here is the step from an exact number to the text a person reads; no
figure is computed here and nothing is read. Money stays Decimal until it is text.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

NO_BREAK: Final = "\u00a0"
MINUS: Final = "\u2212"
NOTHING: Final = "\u2013"
"""Stands where a figure does not exist."""

_SYMBOLS: Final = {"USD": "$", "EUR": "\u20ac", "GBP": "\u00a3", "JPY": "\u00a5"}
_WITHOUT_CENTS: Final = frozenset({"JPY", "KRW", "CLP", "ISK", "VND"})
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def rounded(value: Decimal, digits: int) -> Decimal:
    """Round half away from zero, as a till does."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def number(value: int | Decimal, digits: int = 0) -> str:
    """Write a plain number, as `12,807`; a negative one with a true minus sign."""
    exact = rounded(Decimal(value), digits)
    return f"{_minus_of(exact)}{abs(exact):,.{digits}f}"


def _minus_of(exact: Decimal) -> str:
    return MINUS if exact < 0 else ""


def currency_sign(currency: str) -> str:
    """The sign before an amount; a currency without a sign of its own shows its code."""
    return _SYMBOLS.get(currency, currency + NO_BREAK)


def money(amount: Decimal, currency: str, *, cents: bool = True) -> str:
    """Write an amount in its currency: `$4,596,039.58`, `CHF 12.00`, `¥900`."""
    digits = 2 if cents and currency not in _WITHOUT_CENTS else 0
    exact = rounded(amount, digits)
    return f"{_minus_of(exact)}{currency_sign(currency)}{abs(exact):,.{digits}f}"


def percent(share: Decimal, digits: int = 1) -> str:
    """Write a share from 0 to 1 as a percentage."""
    return number(share * 100, digits) + "%"


def signed_percent(change: Decimal, digits: int = 1) -> str:
    """Write a relative change with its sign: `+9.2%`, `0.0%`."""
    text = percent(change, digits)
    return "+" + text if rounded(change * 100, digits) > 0 else text


def signed_points(change: Decimal, digits: int = 1) -> str:
    """Write the difference of two shares in percentage points."""
    text = number(change * 100, digits)
    sign = "+" if rounded(change * 100, digits) > 0 else ""
    return f"{sign}{text}{NO_BREAK}pts"


def month_name(day: date, *, year: bool = True) -> str:
    """`December 2017`, or `December` where the year is clear from the sentence."""
    name = _MONTHS[day.month - 1]
    return f"{name}{NO_BREAK}{day.year}" if year else name


def month_abbreviation(day: date) -> str:
    """`Dec`."""
    return _MONTHS[day.month - 1][:3]


def day_name(day: date) -> str:
    """`31 December 2017`, which no reader takes for another day."""
    return f"{day.day}{NO_BREAK}{_MONTHS[day.month - 1]}{NO_BREAK}{day.year}"


def days(count: int | Decimal, digits: int = 0) -> str:
    """`1 day`, `12 days`, `3.5 days`."""
    text = number(count, digits)
    return f"{text}{NO_BREAK}day" if text == "1" else f"{text}{NO_BREAK}days"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun: `1 source`, `2,102 coupons`, `0 rows`."""
    noun = one if count == 1 else (many or one + "s")
    return f"{number(count)}{NO_BREAK}{noun}"


def category_name(delivered: str) -> str:
    """A category as a sentence would write it.

    Sources deliver capitals (`CAT FOOD`); words without a vowel (`HBC`) are
    abbreviations and stay. Anything not all in capitals is shown as delivered.
    """
    if not delivered.isupper():
        return delivered
    words = [
        word if not any(vowel in word for vowel in "AEIOUY") else word.lower()
        for word in delivered.split()
    ]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def scale_of(largest: Decimal) -> tuple[Decimal, str, int]:
    """The unit of a chart's labels: divisor, its word and the digits to show.

    Labels without a unit stay short enough for a phone; the word goes into the caption.
    """
    for divisor, word in ((Decimal(10**9), "billion"), (Decimal(10**6), "million")):
        if largest >= 10 * divisor:
            return divisor, word, 0
        if largest >= divisor:
            return divisor, word, 1
    thousand = Decimal(1000)
    if largest >= thousand:
        return thousand, "thousand", 0 if largest >= 100 * thousand else 1
    return Decimal(1), "", 0
