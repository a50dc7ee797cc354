"""How large the retailer is: its window of days, its people, its assortment.

A size is a set of numbers, nothing is drawn here. `m`, `l` and `xl` are about one, ten and
fifty million delivered events; what a run really delivered is printed by the command.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta


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
    def end_date(self) -> date:
        """The first date after the window."""
        return self.first_date + timedelta(days=self.day_count)

    @property
    def daily_from(self) -> int:
        """Number of the first day that arrives as a file of its own."""
        return self.day_count - self.daily_days

    def times(self, factor: int, name: str) -> "Size":
        """A size with that many times the people beside the panel."""
        return replace(
            self,
            name=name,
            card_people=self.card_people * factor,
            cardless_people=self.cardless_people * factor,
            online_people=self.online_people * factor,
            prospects=self.prospects * factor,
        )


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
    card_people=1_500,
    cardless_people=800,
    online_people=2_000,
    prospects=1_200,
    products=400,
    stores=12,
)
SIZES = {size.name: size for size in (TINY, DEMO)}
