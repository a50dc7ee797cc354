"""How much trouble identifiers make, as settings of a run.

Usual trouble is that of real shops. The poisoned world has more of what glues strangers
together: addresses that mean nobody, one telephone number for many, one device in a store.
Who is hit is drawn by `contacts` and `devices`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """Shares of records, in parts per million."""

    junk_email: int = 12_000
    """Records with an address that is nobody's, such as test@example.com."""
    junk_phone: int = 8_000
    shop_phone: int = 0
    """Records with the shop's own number, typed in because a field must be filled."""
    kiosk: int = 4_000
    """Sessions on the kiosk of a store."""


USUAL = Trouble()
POISONED = Trouble(junk_email=20_000, junk_phone=8_000, shop_phone=50_000, kiosk=10_000)
