"""How raw identifiers are written so that two ways of writing one become the same.

Pure functions of one value. None means that the value cannot be of its type at all; whether a
value that can be one is junk (`test@test.com`) is decided by the policy of the identity layer,
not here. Tokens are made of the results in `identifiers`.
"""

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

import phonenumbers

RULE_VERSION = "1"
"""Changes whenever a rule below changes what it answers; a new version re-tokenises."""

Rule = Callable[[str, str | None], str | None]
"""(raw value, default region of telephone numbers) -> normalised value."""


def _text(raw: str) -> str:
    """One form of equal characters, without space at the ends and with one space inside."""
    return " ".join(unicodedata.normalize("NFKC", raw).split())


def _compact(raw: str) -> str:
    return "".join(character for character in raw if character.isalnum()).upper()


def loyalty_card(raw: str, _region: str | None = None) -> str | None:
    """Card numbers are compared without spaces and dashes, in upper case."""
    return _compact(raw) or None


def email(raw: str, _region: str | None = None) -> str | None:
    """Lower case, the domain in its ASCII form. Dots and tags of a mailbox are kept.

    What stands before the @ may tell two people of one provider apart, so nothing of it is
    dropped.
    """
    mailbox, mark, domain = _text(raw).lower().rpartition("@")
    domain = domain.rstrip(".")
    if not (mark and mailbox and domain) or " " in mailbox + domain or "@" in mailbox:
        return None
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{mailbox}@{ascii_domain}"


def phone(raw: str, region: str | None = None) -> str | None:
    """E.164; a number without a country code is one of the region."""
    try:
        number = phonenumbers.parse(_text(raw), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def key(raw: str, _region: str | None = None) -> str | None:
    """What a system made up: compared as it is, without space at the ends."""
    return raw.strip() or None


def social_handle(raw: str, _region: str | None = None) -> str | None:
    """Networks compare handles without regard to case and do not show the leading @ everywhere."""
    return _text(raw).lstrip("@").casefold() or None


def words(raw: str, _region: str | None = None) -> str | None:
    """Names, streets and free texts: one form of equal characters, case and spaces."""
    return _text(raw).casefold() or None


def postal_code(raw: str, _region: str | None = None) -> str | None:
    """Letters and digits, in upper case."""
    return _compact(raw) or None


GLOBAL: Mapping[str, Rule] = MappingProxyType(
    {
        "birth_date": key,
        "click_id": key,
        "email": email,
        "free_text": words,
        "gift_card": key,
        "loyalty_card": loyalty_card,
        "payment_token": key,
        "person_name": words,
        "phone": phone,
        "postal_code": postal_code,
        "postal_street": words,
        "social_handle": social_handle,
    }
)
"""Types whose values mean the same wherever they are delivered."""

SCOPED: Mapping[str, Rule] = MappingProxyType(
    {
        "app_device": key,
        "cookie": key,
        "crm_contact": key,
        "mail_household": key,
        "mail_piece": key,
        "message_profile": key,
        "push_token": key,
        "service_requester": key,
        "shop_customer": key,
    }
)
"""Types whose values one system made up: another system may mean somebody else by the same."""
