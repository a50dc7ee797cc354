"""E-mail addresses and telephone numbers, and how people give them.

Families share addresses, some people have two, some mistype one, some give junk, and
telephone companies give a number to somebody else. Which record carries which is drawn where
the record is made; whose it is, is truth.
"""

import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from orchestration.demo import names
from orchestration.demo.calendar_days import Days
from orchestration.demo.columns import Column, chosen, digits, either, joined, texts
from orchestration.demo.people import People
from orchestration.demo.positions import column_at
from orchestration.demo.random_numbers import Bools, Ints, Stream, Streams
from orchestration.demo.trouble import Trouble

_LINES_PER_EXCHANGE = 10_000
_FIRST_EXCHANGE = 555
NEVER = 1 << 30
"""A day behind every window."""


@dataclass(frozen=True)
class Phones:
    """Telephone numbers by number of the line; a person may change it once."""

    line: Ints
    later_line: Ints
    switch_day: Ints
    trouble: Trouble

    def line_on(self, person: Ints, day: Ints) -> Ints:
        """The line of a person on a day."""
        later = day >= self.switch_day[person]
        return np.where(later, self.later_line[person], self.line[person])

    def national(self, line: Ints) -> Column:
        """Ten digits, in area codes that nobody has."""
        codes = np.array(names.AREA_CODES)
        within = line // len(codes)
        exchange = _FIRST_EXCHANGE + within // _LINES_PER_EXCHANGE
        return joined(
            digits(codes[line % len(codes)]),
            digits(exchange),
            digits(within % _LINES_PER_EXCHANGE, 4),
        )

    def international(self, line: Ints) -> Column:
        """As E.164."""
        return joined("+1", self.national(line))

    def as_typed(self, line: Ints, stream: Stream) -> Column:
        """As people write it into a field, sometimes junk."""
        national = self.national(line)
        area, exchange, rest = (
            pc.utf8_slice_codeunits(national, start=a, stop=b) for a, b in ((0, 3), (3, 6), (6, 10))
        )
        style = stream.below(100, len(line))
        dashed = joined(area, "-", exchange, "-", rest)
        bracketed = joined("(", area, ") ", exchange, "-", rest)
        typed = either(style < 35, dashed, either(style < 60, bracketed, national))
        typed = either(style >= 85, joined("+1", national), typed)
        junk = chosen(names.JUNK_PHONES, stream.below(len(names.JUNK_PHONES), len(line)))
        typed = either(stream.chance(self.trouble.shop_phone, len(line)), names.SHOP_PHONE, typed)
        return either(stream.chance(self.trouble.junk_phone, len(line)), junk, typed)


@dataclass(frozen=True)
class Emails:
    """E-mail addresses of everybody, and who uses which."""

    primary: Column
    second: Column
    mistyped: Column
    family: Column
    """By household, which is its head's position."""
    household: Ints
    has_second: Bools
    mistypes: Bools
    has_family: Bools
    """By household."""
    is_dead: Bools
    """Mail to the address bounces."""
    trouble: Trouble

    def of(self, person: Ints) -> Column:
        """The address of the person's accounts."""
        return column_at(self.primary, person)

    def as_typed(self, person: Ints, stream: Stream) -> Column:
        """The address that somebody gives in a hurry: mostly the own one."""
        count = len(person)
        household = self.household[person]
        use = stream.below(100, count)
        typed = column_at(self.primary, person)
        typed = either(self.has_second[person] & (use < 30), column_at(self.second, person), typed)
        typed = either(self.mistypes[person] & (use < 25), column_at(self.mistyped, person), typed)
        family = column_at(self.family, household)
        typed = either(self.has_family[household] & (use >= 60), family, typed)
        shouted = pc.utf8_upper(typed)
        typed = either(stream.chance(30_000, count), shouted, typed)
        typed = either(stream.chance(15_000, count), joined(" ", typed), typed)
        junk = chosen(names.JUNK_EMAILS, stream.below(len(names.JUNK_EMAILS), count))
        return either(stream.chance(self.trouble.junk_email, count), junk, typed)


def make_emails(people: People, trouble: Trouble, streams: Streams) -> Emails:
    """Give everybody an address, some two, some households one for all."""
    stream = streams.named("emails")
    count = len(people)
    given = chosen([_plain(name) for name in names.GIVEN], people.given_name)
    family = chosen([_plain(name) for name in names.FAMILY], people.family_name)
    number = digits(people.ids())
    domain = stream.pick((34, 26, 18, 12, 7, 3), count)
    local = joined(given, ".", family, number)
    domains, mistyped = texts(names.MAIL_DOMAINS), texts(names.MISTYPED_DOMAINS)
    other = chosen(names.MAIL_DOMAINS, (domain + 1) % len(names.MAIL_DOMAINS))
    first_letter = pc.utf8_slice_codeunits(given, start=0, stop=1)
    size = np.bincount(people.household, minlength=count)
    return Emails(
        primary=joined(local, "@", column_at(domains, domain)),
        second=joined(first_letter, family, "_", number, "@", other),
        mistyped=joined(local, "@", column_at(mistyped, domain)),
        family=joined("the.", family, "s", number, "@familynet.example"),
        household=people.household,
        has_second=stream.chance(150_000, count),
        mistypes=stream.chance(50_000, count),
        has_family=stream.chance(250_000, count) & (size > 1),
        is_dead=stream.chance(12_000, count),
        trouble=trouble,
    )


def masked_emails(order: Ints) -> Column:
    """What a marketplace tells instead of the address of the one who ordered."""
    return joined("buyer-", digits(order), "@marketplace.example")


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.replace("ø", "o")).encode("ascii", "ignore")
    return letters.decode().lower().replace("'", "").replace("-", "")


def make_phones(people: People, days: Days, trouble: Trouble, streams: Streams) -> Phones:
    """Give everybody a line; a few lines go to somebody else in the middle of the window."""
    stream = streams.named("phones")
    count = len(people)
    line_count = 2 * count
    line = stream.shuffled(line_count)
    own, spare = line[:count].copy(), line[count:]
    later, switch = own.copy(), np.full(count, NEVER, dtype=np.int64)
    pairs = stream.shuffled(count)[: count // 40 * 2].reshape(-1, 2)
    loser, winner = pairs[:, 0], pairs[:, 1]
    third = days.count // 3
    later[loser], switch[loser] = spare[loser], third + stream.below(max(third // 2, 1), len(pairs))
    later[winner], switch[winner] = (
        own[loser],
        2 * third + stream.below(max(third // 2, 1), len(pairs)),
    )
    return Phones(own, later, switch, trouble)
