"""The assortment: departments, products, prices in every channel and currency, promotions.

Prices are whole cents and change only by promotion weeks and by one planned change a
product. What is in stock belongs to `inventory_book`, how the catalogue is delivered to
`channels.reference`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.calendar_days import Days
from orchestration.demo.people import PERSONAS
from orchestration.demo.random_numbers import Bools, Ints, Lottery, Streams

DEPARTMENTS = (
    "Produce", "Dairy", "Canned goods", "Meat", "Household", "Snacks", "Beverages",
    "Prepared meals", "Natural foods", "Flowers & gifts", "Kitchen", "Stationery",
)  # fmt: skip
_CENTS = ((99, 600), (129, 700), (79, 350), (399, 1900), (249, 1800), (149, 600), (99, 900),
          (399, 1300), (299, 1500), (999, 6000), (1299, 9000), (199, 1500))  # fmt: skip
_ADJECTIVES = ("Maple", "Golden", "Harbour", "Hearth", "Orchard", "Prairie", "Silver", "Sunny",
               "Valley", "Wild")  # fmt: skip
_NOUNS = (
    ("Apples", "Carrots", "Greens", "Berries"), ("Milk", "Yogurt", "Cheddar", "Butter"),
    ("Tomatoes", "Beans", "Corn", "Soup"), ("Chicken", "Beef", "Salmon", "Sausage"),
    ("Detergent", "Towels", "Candles", "Sponges"), ("Crisps", "Cookies", "Nuts", "Pretzels"),
    ("Juice", "Coffee", "Tea", "Sparkling Water"), ("Lasagna", "Curry", "Salad Bowl", "Pizza"),
    ("Granola", "Oat Drink", "Quinoa", "Lentils"), ("Bouquet", "Gift Basket", "Orchid", "Card Set"),
    ("Skillet", "Kettle", "Knife", "Bowl Set"), ("Notebook", "Pens", "Planner", "Tape"),
)  # fmt: skip
BRANDS = ("Maple & Main", "Old Mill", "Northfield", "Bell & Son", "Casa Verde", "Fjord")
GIFT_CARD_FACE = 2_500
"""Cents on a gift card; it is a product of its own, sold without tax."""
STORE, WEB = range(2)
_CAD_PER_USD = 128
_PROMOTION_WEEKS_PPM = 120_000


@dataclass(frozen=True)
class Catalogue:
    """Products by position; the last one is the gift card."""

    department: Ints
    noun: Ints
    adjective: Ints
    brand: Ints
    cents: Ints
    """List price by channel (store, web), currency (USD, CAD) and product."""
    cost: Ints
    """By currency and product."""
    raised_on: Ints
    """Day on which the list price rises by 5 %."""
    promotion: Ints
    """What a promotion takes off, in thousandths, by week of the window and product."""
    is_taxable: Bools
    draw_by_department: Lottery
    """A product for each department, the popular ones more often."""
    departments_by_persona: Lottery

    def __len__(self) -> int:
        return len(self.department)

    @property
    def gift_card(self) -> int:
        return len(self) - 1

    def list_price(self, product: Ints, day: Ints, channel: Ints | int, currency: Ints) -> Ints:
        """Cents on the shelf before any promotion."""
        price: Ints = np.asarray(self.cents[channel, currency, product])
        return np.where(day >= self.raised_on[product], price * 105 // 100, price)

    def off(self, product: Ints, day: Ints) -> Ints:
        """What a promotion takes off on that day, in thousandths."""
        return self.promotion[day // 7, product]

    def skus(self) -> list[str]:
        return [f"MM{100_000 + product * 7}" for product in range(len(self))]

    def titles(self) -> list[str]:
        named = [
            f"{_ADJECTIVES[adjective]} {_NOUNS[department][noun]} {product}"
            for product, (department, noun, adjective) in enumerate(
                zip(self.department, self.noun, self.adjective, strict=True)
            )
        ]
        return [*named[:-1], "Maple & Main Gift Card"]


def make_catalogue(products: int, days: Days, streams: Streams) -> Catalogue:
    """Draw an assortment of that many products and the gift card."""
    stream = streams.named("catalogue")
    count = products + 1
    departments = len(DEPARTMENTS)
    department = np.arange(count) % departments
    department[-1] = DEPARTMENTS.index("Flowers & gifts")
    low, high = np.array(_CENTS).T
    base = low[department] + stream.below(high[department] - low[department], count)
    base = base // 10 * 10 + 9
    web_gap = np.where(stream.chance(150_000, count), 1050, 1000)  # prices that are not unified
    cents = np.empty((2, 2, count), dtype=np.int64)
    for currency, rate in enumerate((100, _CAD_PER_USD)):
        cents[STORE, currency] = base * rate // 100
        cents[WEB, currency] = base * rate // 100 * web_gap // 1000
    margin = stream.between(620, 780, count)
    cost = np.stack([cents[STORE, currency] * margin // 1000 for currency in (0, 1)])
    weeks = (days.count + 60) // 7 + 1
    is_promoted = stream.chance(_PROMOTION_WEEKS_PPM, weeks * count).reshape(weeks, count)
    depth = np.array([100, 150, 200, 300])[stream.below(4, weeks * count)].reshape(weeks, count)
    promotion = np.where(is_promoted, depth, 0)
    promotion[:, -1] = 0
    cents[:, :, -1] = GIFT_CARD_FACE
    cost[:, -1] = GIFT_CARD_FACE
    raised_on = stream.below(days.count * 2, count)
    raised_on[-1] = days.count * 9
    popularity = 200 + stream.exponential(1000, count)
    popularity[-1] = 0
    in_department = department[None, :] == np.arange(departments)[:, None]
    return Catalogue(
        department=department,
        noun=stream.below(4, count),
        adjective=stream.below(len(_ADJECTIVES), count),
        brand=stream.below(len(BRANDS), count),
        cents=cents,
        cost=cost,
        raised_on=raised_on,
        promotion=promotion,
        is_taxable=np.isin(department, (4, 5, 6, 7, 9, 10, 11)),
        draw_by_department=Lottery(np.where(in_department, popularity, 0)),
        departments_by_persona=Lottery(_department_weights()),
    )


def _department_weights() -> Ints:
    weights = np.full((len(PERSONAS), len(DEPARTMENTS)), 30, dtype=np.int64)
    for row, persona in enumerate(PERSONAS):
        for rank, department in enumerate(persona.favourites):
            weights[row, department] += 260 // (rank + 1)
    return weights
