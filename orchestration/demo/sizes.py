"""How large the retailer is: its window of days, its people, its assortment.

A size is a set of numbers, nothing is drawn here. Events are rows of daily feeds, counted
once however often they are delivered: about 0.9 million in `demo`, one in `m`, ten in `l`,
fifty in `xl` (measured in 2026-11 with the panel's cards, whose people make 0.6 of them).
"""

from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True)
class Size:
    """Numbers that a run is made to."""

    name: str
    first_date: date
    day_count: int
    daily_days: int
    """Days at the end that arrive as a file a day; what lies before is one base file."""
    card_people: int
    cardless_people: int
    online_people: int
    prospects: int
    products: int
    stores: int

    @property
    def daily_from(self) -> int:
        """Number of the first day that arrives as a file of its own."""
        return self.day_count - self.daily_days


TINY = Size(
    name="tiny",
    first_date=date(2017, 2, 20),  # six weeks around the change of clocks on 12 March
    day_count=42,
    daily_days=28,
    card_people=300,
    cardless_people=200,
    online_people=400,
    prospects=200,
    products=120,
    stores=6,
)
DEMO = Size(
    name="demo",
    first_date=date(2017, 1, 1),  # the panel's year
    day_count=365,
    daily_days=28,
    card_people=250,
    cardless_people=150,
    online_people=350,
    prospects=200,
    products=400,
    stores=12,
)
M = replace(DEMO, name="m", card_people=320, cardless_people=170, online_people=430, prospects=270)
L = replace(
    DEMO, name="l", card_people=8_000, cardless_people=4_000, online_people=10_700, prospects=6_700
)
XL = replace(
    DEMO,
    name="xl",
    card_people=42_000,
    cardless_people=21_000,
    online_people=56_000,
    prospects=35_000,
)
SIZES = {size.name: size for size in (TINY, DEMO, M, L, XL)}
