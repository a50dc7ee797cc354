"""Where the retailer stands: cities, stores, warehouses, their clocks and currencies.

Static facts only. Who shops where belongs to `people`, how locations are delivered to
`channels.reference`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchestration.demo.random_numbers import Ints


@dataclass(frozen=True)
class City:
    """A place with a store in it."""

    name: str
    region: str
    country: str
    zone: str
    postal_start: str
    latitude: int
    longitude: int
    """Coordinates in ten-thousandths of a degree."""
    tax_ppm: int

    @property
    def currency(self) -> str:
        return "CAD" if self.country == "CA" else "USD"


CITIES = (
    City("New York", "NY", "US", "America/New_York", "100", 407128, -740060, 88_750),
    City("Toronto", "ON", "CA", "America/Toronto", "M5V", 436532, -793832, 130_000),
    City("Chicago", "IL", "US", "America/Chicago", "606", 418781, -876298, 102_500),
    City("Vancouver", "BC", "CA", "America/Vancouver", "V6B", 492827, -1231207, 120_000),
    City("Denver", "CO", "US", "America/Denver", "802", 397392, -1049903, 76_500),
    City("Phoenix", "AZ", "US", "America/Phoenix", "850", 334484, -1120740, 86_000),
    City("Montréal", "QC", "CA", "America/Toronto", "H2X", 455017, -735673, 149_750),
    City("Boston", "MA", "US", "America/New_York", "021", 423601, -710589, 62_500),
    City("Buffalo", "NY", "US", "America/New_York", "142", 428864, -788784, 87_500),
    City("Québec", "QC", "CA", "America/Toronto", "G1R", 468139, -712080, 149_750),
    City("Milwaukee", "WI", "US", "America/Chicago", "532", 430389, -879065, 56_000),
    City("Boulder", "CO", "US", "America/Denver", "803", 400150, -1052705, 88_450),
)
WAREHOUSES = (("DC01", 0), ("DC02", 1))
"""Warehouses by code and city: one ships the orders in USD, one those in CAD."""


@dataclass(frozen=True)
class Places:
    """The stores of one size, one a city, and what is true of their cities."""

    cities: tuple[City, ...]

    @property
    def store_codes(self) -> list[str]:
        return [f"S{number + 1:03d}" for number in range(len(self.cities))]

    @property
    def location_codes(self) -> list[str]:
        """Stores, then warehouses: positions that inventory counts in."""
        return self.store_codes + [code for code, _ in WAREHOUSES]

    def is_canadian(self) -> Ints:
        return _numbers(self.cities, lambda city: int(city.country == "CA"))

    def tax_ppm(self) -> Ints:
        return _numbers(self.cities, lambda city: city.tax_ppm)


def places_with(stores: int) -> Places:
    """The first stores of the list."""
    return Places(CITIES[:stores])


def _numbers(cities: tuple[City, ...], of: Callable[[City], int]) -> Ints:
    return np.array([of(city) for city in cities], dtype=np.int64)
