"""Cards, accounts, tokens and handles: what points to a person, apart from addresses.

Identifiers are numbers here and become text where they are delivered; texts that look
random are scattered numbers, unique by construction. `owners` tells for each of them whose
it is and since when: the truth that identity is measured by.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from orchestration.demo import names
from orchestration.demo.columns import Column, chosen, digits, either, hexadecimal, joined
from orchestration.demo.people import CARDLESS, People
from orchestration.demo.random_numbers import Bools, Ints, Stream, Streams, key_of, mixed

_FIRST_CARD = 700_000_000
"""Numbers of our own cards; those of the panel have four digits."""
_TOKENS_PER_PERSON = 4
CARD_BRANDS = ("visa", "mastercard", "amex", "discover", "interac")
GUEST_CUSTOMER = 8_000_000_000_000
_FIRST_CUSTOMER = 6_200_000_000_000
_FIRST_CONTACT = 150_000


@dataclass(frozen=True)
class Identifiers:
    """Numbers by person; `key` scatters those that must look random."""

    card: Ints
    """Loyalty card, or -1."""
    second_card: Ints
    """A second one of the same person, or -1."""
    lent_card_of: Ints
    """Person whose card is used at the till, or -1: a card that a family shares."""
    payment_of: Ints
    """Person whose payment cards are used: mostly oneself."""
    payment_cards: Ints
    has_handle: Bools
    has_second_contact: Bools
    """Twice in the CRM, by telephone and by e-mail."""
    key: int

    def card_at_till(self, person: Ints, stream: Stream) -> Ints:
        """The loyalty card that is shown, or -1."""
        count = len(person)
        use = stream.below(100, count)
        own = np.where(
            (self.second_card[person] >= 0) & (use < 30),
            self.second_card[person],
            self.card[person],
        )
        lender = self.lent_card_of[person]
        lent = np.where(lender >= 0, self.card[lender], -1)
        shown = np.where((lender >= 0) & ((own < 0) | (use < 55)), lent, own)
        return np.where(use >= 94, -1, shown)  # forgotten at home

    def payment_token(self, person: Ints, stream: Stream) -> Ints:
        """A payment card of the person, or of the one whose card is borrowed."""
        holder = self.payment_of[person]
        return holder * _TOKENS_PER_PERSON + stream.below(self.payment_cards[holder], len(person))

    def mobile_token(self, person: Ints) -> Ints:
        """The number that a telephone pays with instead of the card."""
        return person * _TOKENS_PER_PERSON + _TOKENS_PER_PERSON - 1

    def customer(self, person: Ints) -> Ints:
        """Account number in the web shop."""
        return _FIRST_CUSTOMER + person * 17 + 3

    def guest_customer(self, order: Ints) -> Ints:
        """The number that the shop gives a guest, anew with every order."""
        return GUEST_CUSTOMER + order * 13

    def contact(self, person: Ints) -> Ints:
        """Number in the CRM."""
        return _FIRST_CONTACT + person * 2

    def second_contact(self, person: Ints) -> Ints:
        return self.contact(person) + 1

    def card_text(self, card: Ints) -> Column:
        return digits(card)

    def profile_text(self, person: Ints) -> Column:
        """Profile in the e-mail system."""
        return joined("01", hexadecimal(mixed(person, self.key ^ 11)))

    def payment_hash_text(self, token: Ints) -> Column:
        """What a payment provider gives instead of a card number: 64 hexadecimal digits."""
        return hexadecimal(*(mixed(token, self.key ^ (20 + part)) for part in range(4)))

    def last_four_text(self, token: Ints) -> Column:
        return digits((mixed(token, self.key ^ 30) % np.uint64(10_000)).astype(np.int64), 4)

    def brand(self, token: Ints) -> Ints:
        return (mixed(token, self.key ^ 31) % np.uint64(len(CARD_BRANDS))).astype(np.int64)

    def gift_card_hash_text(self, gift_card: Ints) -> Column:
        return hexadecimal(*(mixed(gift_card, self.key ^ (40 + part)) for part in range(4)))

    def requester(self, person: Ints, is_telephone: Bools) -> Ints:
        """User number in the ticket system, which knows callers and writers apart."""
        return 9_000_000_000 + person * 2 + is_telephone

    def handle_text(self, person: Ints, people: People) -> Column:
        """Name on a social network, with a hyphen, which no network allows: it is nobody's."""
        given = chosen([name.lower() for name in names.GIVEN], people.given_name[person])
        suffix = digits(person)
        plain = joined("@", given, "-", suffix)
        return either(person % 3 == 0, joined("@the-", given, "-", suffix), plain)

    def click_text(self, click: Ints, platform: str) -> Column:
        """The id that an ad platform puts into the address of the landing page."""
        code = 50 if platform == "google" else 60
        prefix = "EAIaIQob" if platform == "google" else "IwAR"
        return joined(
            prefix, hexadecimal(mixed(click, self.key ^ code), mixed(click, self.key ^ (code + 1)))
        )

    def mail_household_text(self, household: Ints) -> Column:
        """The print house's number of an address."""
        return joined("HH", digits(household + 1, 8))


def make_identifiers(people: People, streams: Streams) -> Identifiers:
    """Give out cards, accounts and tokens."""
    stream = streams.named("identifiers")
    count, ids = len(people), people.ids()
    has_card = people.has_card()
    card = np.where(
        people.panel_card >= 0, people.panel_card, np.where(has_card, _FIRST_CARD + ids, -1)
    )
    has_second = has_card & stream.chance(80_000, count)
    second = np.where(has_second, _FIRST_CARD + count + ids, -1)
    head = people.household
    is_member = head != ids
    # Receipts of the panel are delivered by the panel alone, so its cards are never lent.
    lends = is_member & (card[head] >= _FIRST_CARD) & stream.chance(700_000, count)
    borrows_payment = is_member & stream.chance(150_000, count)
    return Identifiers(
        card=card,
        second_card=second,
        lent_card_of=np.where(lends, head, -1),
        payment_of=np.where(borrows_payment, head, ids),
        payment_cards=stream.pick((50, 33, 17), count) + 1,
        has_handle=(people.kind != CARDLESS) & stream.chance(180_000, count),
        has_second_contact=stream.chance(60_000, count),
        key=key_of(streams.seed, "identifiers"),
    )


@dataclass(frozen=True)
class Owned:
    """Identifiers of one type with their people; several people may own one."""

    identifier_type: str
    value: Column
    person: Ints
    """-1: nobody's, such as junk and robots."""
    from_day: Ints
    to_day: Ints
    ownership: str
    """sole, second, mistyped, shared, recycled, guest, masked, kiosk, junk or robot."""

    @classmethod
    def always(
        cls, identifier_type: str, value: Column, person: Ints, ownership: str, last_day: int
    ) -> "Owned":
        """Owned in the whole window."""
        until = np.full_like(person, last_day)
        return cls(identifier_type, value, person, np.zeros_like(person), until, ownership)


def card_owners(identifiers: Identifiers, people: People, last_day: int) -> Iterator[Owned]:
    """Who holds and who borrows which loyalty and payment card."""

    def owned(kind: str, value: Column, person: Ints, ownership: str) -> Owned:
        return Owned.always(kind, value, person, ownership, last_day)

    holders = np.flatnonzero(identifiers.card >= 0)
    yield owned("loyalty_card", identifiers.card_text(identifiers.card[holders]), holders, "sole")
    second = np.flatnonzero(identifiers.second_card >= 0)
    yield owned(
        "loyalty_card", identifiers.card_text(identifiers.second_card[second]), second, "second"
    )
    borrowers = np.flatnonzero(identifiers.lent_card_of >= 0)
    lent = identifiers.card[identifiers.lent_card_of[borrowers]]
    yield owned("loyalty_card", identifiers.card_text(lent), borrowers, "shared")
    count = identifiers.payment_cards
    person = np.repeat(people.ids(), count)
    token = person * _TOKENS_PER_PERSON + _counted(count)
    yield owned("payment_token", identifiers.payment_hash_text(token), person, "sole")
    users = np.flatnonzero(identifiers.payment_of != people.ids())
    holder = identifiers.payment_of[users]
    user = np.repeat(users, count[holder])
    token = np.repeat(holder, count[holder]) * _TOKENS_PER_PERSON + _counted(count[holder])
    yield owned("payment_token", identifiers.payment_hash_text(token), user, "shared")
    everyone = people.ids()
    mobile = identifiers.mobile_token(everyone)
    yield owned("payment_token", identifiers.payment_hash_text(mobile), everyone, "sole")
    yield owned("shop_customer", digits(identifiers.customer(everyone)), everyone, "sole")
    yield owned("crm_contact", digits(identifiers.contact(everyone)), everyone, "sole")
    twice = np.flatnonzero(identifiers.has_second_contact)
    yield owned("crm_contact", digits(identifiers.second_contact(twice)), twice, "second")
    yield owned("message_profile", identifiers.profile_text(everyone), everyone, "sole")
    for telephone in (False, True):
        requester = identifiers.requester(everyone, np.full(len(people), telephone))
        yield owned("service_requester", digits(requester), everyone, "sole")
    social = np.flatnonzero(identifiers.has_handle)
    yield owned("social_handle", identifiers.handle_text(social, people), social, "sole")


def _counted(counts: Ints) -> Ints:
    """0, 1, … for each entry, as often as it counts."""
    starts = np.cumsum(counts) - counts
    return np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(starts, counts)
