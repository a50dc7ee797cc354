"""What lies in a basket and what it costs, exact to the cent.

Lines of purchases: products by persona, quantities, list prices, promotions, coupons, tax.
Every amount is a whole number of cents and every total the sum of its lines. How a receipt
or an order looks belongs to `channels`.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.behaviour import Purchases, Touches
from orchestration.demo.campaigns import Campaign
from orchestration.demo.catalogue import Catalogue
from orchestration.demo.people import PERSONAS, People
from orchestration.demo.places import Places
from orchestration.demo.positions import numbers_at
from orchestration.demo.random_numbers import MILLION, Bools, Ints, Stream, Streams

_MOST_LINES = 30
_GIFT_CARD_PPM = 6_000
_QUANTITIES = (78, 14, 5, 3)


@dataclass(frozen=True)
class Lines:
    """Lines of all purchases of one channel, ordered by purchase."""

    sale: Ints
    product: Ints
    quantity: Ints
    list_unit: Ints
    promotion_off: Ints
    coupon_off: Ints
    tax: Ints
    cost: Ints

    def __len__(self) -> int:
        return len(self.sale)

    @property
    def gross(self) -> Ints:
        return self.quantity * self.list_unit

    @property
    def discount(self) -> Ints:
        return self.promotion_off + self.coupon_off

    @property
    def net(self) -> Ints:
        """Paid for the goods, without tax."""
        return self.gross - self.discount

    def summed(self, amounts: Ints, sales: int) -> Ints:
        """Sums by purchase."""
        return summed_by(self.sale, amounts, sales)

    def numbers(self) -> Ints:
        """Number of each line within its purchase, from 1."""
        starts = np.searchsorted(self.sale, self.sale)
        return np.arange(len(self.sale), dtype=np.int64) - starts + 1


def summed_by(group: Ints, amounts: Ints, groups: int) -> Ints:
    """Exact sums of whole numbers by group."""
    sums = np.zeros(groups, dtype=np.int64)
    np.add.at(sums, group, amounts)
    return sums


@dataclass(frozen=True)
class Pricing:
    """What decides on products and prices, apart from the purchases."""

    people: People
    catalogue: Catalogue
    places: Places
    touches: Touches
    campaigns: tuple[Campaign, ...]

    def coupon(self, purchases: Purchases) -> tuple[Ints, Ints]:
        """Department and offer of the coupon that is used; an offer of 0 is none."""
        campaign = numbers_at(self.touches.campaign, purchases.coupon_touch)
        departments = np.array([c.department for c in self.campaigns] + [-1])
        offers = np.array([c.offer for c in self.campaigns] + [0])
        return departments[campaign], offers[campaign]

    def lines(
        self, purchases: Purchases, *, channel: int, city: Ints, missing: Ints, streams: Streams
    ) -> Lines:
        """Fill the baskets. `missing`: for each purchase a product out of stock, or -1."""
        stream = streams.named(f"baskets/{channel}")
        people, catalogue = self.people, self.catalogue
        persona = people.persona[purchases.person]
        usual = np.array([p.basket for p in PERSONAS])[persona]
        usual = usual if channel == 0 else np.maximum(usual // 2, 1)
        counts = 1 + np.minimum(stream.exponential(usual - 1, len(usual)), _MOST_LINES)
        sale = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        is_first = np.diff(sale, prepend=-1) > 0
        is_last = np.diff(sale, append=len(counts)) > 0
        day = purchases.day[sale]
        coupon_department, offer = self.coupon(purchases)
        product = self._products(
            stream, sale, purchases, np.where(is_first, coupon_department[sale], -1)
        )
        product = np.where(product == missing[sale], (product + 1) % catalogue.gift_card, product)
        gift = is_last & ~is_first & stream.chance(_GIFT_CARD_PPM, len(sale))
        product = np.where(gift, catalogue.gift_card, product)
        quantity = np.where(gift, 1, stream.pick(_QUANTITIES, len(sale)) + 1)
        currency = self.places.is_canadian()[city][sale]
        list_unit = catalogue.list_price(product, day, channel, currency)
        gross = quantity * list_unit
        promotion_off = gross * catalogue.off(product, day) // 1000
        is_eligible = (catalogue.department[product] == coupon_department[sale]) & ~gift
        coupon_off = np.where(is_eligible, (gross - promotion_off) * offer[sale] // 1000, 0)
        net = gross - promotion_off - coupon_off
        rate = np.where(catalogue.is_taxable[product] & ~gift, self.places.tax_ppm()[city][sale], 0)
        return Lines(
            sale=sale,
            product=product,
            quantity=quantity,
            list_unit=list_unit,
            promotion_off=promotion_off,
            coupon_off=coupon_off,
            tax=(net * rate + MILLION // 2) // MILLION,
            cost=quantity * catalogue.cost[currency, product],
        )

    def _products(self, stream: Stream, sale: Ints, purchases: Purchases, forced: Ints) -> Ints:
        """Draw products; who minds prices takes what is promoted instead."""
        catalogue, count = self.catalogue, len(sale)
        person = purchases.person[sale]
        department = stream.pick_by_row(
            catalogue.departments_by_persona, self.people.persona[person]
        )
        favourite = stream.chance(120_000, count)
        department = np.where(favourite, self.people.favourite[person], department)
        department = np.where(forced >= 0, forced, department)
        first = stream.pick_by_row(catalogue.draw_by_department, department)
        second = stream.pick_by_row(catalogue.draw_by_department, department)
        day = purchases.day[sale]
        cheaper = catalogue.off(second, day) > catalogue.off(first, day)
        minds = stream.chance(self.people.sensitivity[person] * 1000, count)
        return np.where(cheaper & minds, second, first)


@dataclass(frozen=True)
class Taken:
    """Lines that come back: which, how many, on which day, and how they are grouped."""

    line: Ints
    quantity: Ints
    sale: Ints
    group: Ints
    """Return number; all lines of a purchase come back together."""
    group_sale: Ints
    group_day: Ints

    def share(self, amounts: Ints, lines: Lines) -> Ints:
        """What of a line's amount belongs to the returned pieces, never more than it."""
        return amounts[self.line] * self.quantity // lines.quantity[self.line]


def take_back(
    lines: Lines,
    sale_day: Ints,
    *,
    ppm: int,
    gift_card: int,
    may_return: Bools,
    stream: Stream,
    last_day: int,
) -> Taken:
    """Choose what is returned, days later and within the window."""
    sales = len(sale_day)
    returns = may_return & stream.chance(ppm, sales)
    return_day = sale_day + 1 + stream.exponential(6, sales)
    returns &= return_day <= last_day
    picked = returns[lines.sale] & (lines.product != gift_card) & stream.chance(400_000, len(lines))
    line = np.flatnonzero(picked)
    quantity = 1 + stream.below(lines.quantity[line], len(line))
    group_sale, group = np.unique(lines.sale[line], return_inverse=True)
    return Taken(line, quantity, lines.sale[line], group, group_sale, return_day[group_sale])
