"""What other tables point at: products, prices, relations, locations, FX rates.

Snapshots in the dialects of a product system, a location list and a treasury; rates come
daily. Currencies are exact decimals, one US dollar in Canadian dollars moves a little a day.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from orchestration.demo.catalogue import BRANDS, DEPARTMENTS, STORE, WEB
from orchestration.demo.channels.shop import location_ids
from orchestration.demo.columns import (
    Rows,
    cents,
    chosen,
    constant,
    dates,
    decimals,
    digits,
    either,
    flags,
    joined,
    texts,
    whole,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, JsonArray
from orchestration.demo.names import FIRST_OWN_PHONE
from orchestration.demo.places import CITIES, WAREHOUSES
from orchestration.demo.random_numbers import Ints
from orchestration.demo.snapshots import snapshot_days
from orchestration.demo.world import World

CATALOGUE, LOCATIONS, FINANCE = "synthetic_catalogue", "synthetic_locations", "synthetic_finance"
_TABS = Csv(delimiter="\t")
FEEDS = (
    Feed(CATALOGUE, "products", key=("sku",), dialect=_TABS, rhythm="snapshot"),
    Feed(CATALOGUE, "categories", key=("category_id",), dialect=_TABS, rhythm="snapshot"),
    Feed(
        CATALOGUE,
        "prices",
        key=("sku", "channel", "currency", "price_type"),
        dialect=_TABS,
        rhythm="snapshot",
    ),
    Feed(CATALOGUE, "relations", key=("sku", "related_sku"), dialect=_TABS, rhythm="snapshot"),
    Feed(LOCATIONS, "locations", key=("location_id",), dialect=JsonArray(), rhythm="snapshot"),
    Feed(
        FINANCE,
        "fx_rates",
        key=("rate_date", "base_currency"),
        dated_by="rate_date",
        dialect=Csv(delimiter=";", decimal_mark=",", times="day_first"),
    ),
)
RATE = pa.decimal128(18, 6)
_SEASONS = ("all", "spring", "summer", "autumn", "winter")
_MEAN_RATE = 1_298_000


def deliver(world: World) -> Iterator[tuple[Feed, Rows]]:
    """Everything that is not an event."""
    makers = (
        (CATALOGUE, "products", partial(_products, world)),
        (CATALOGUE, "categories", _categories),
        (CATALOGUE, "prices", partial(_prices, world)),
        (CATALOGUE, "relations", partial(_relations, world)),
        (LOCATIONS, "locations", partial(_locations, world)),
    )
    for as_of in snapshot_days(world):
        for source, entity, make in makers:
            yield find_feed(FEEDS, source, entity), make(as_of)
    yield find_feed(FEEDS, FINANCE, "fx_rates"), _rates(world)


def _products(world: World, as_of: int) -> Rows:
    catalogue = world.catalogue
    product = np.arange(len(catalogue), dtype=np.int64)
    return Rows.of_snapshot(
        {
            "sku": texts(catalogue.skus()),
            "product_id": whole(7_000_000 + product),
            "variant_id": whole(40_000_000 + product),
            "title": texts(catalogue.titles()),
            "brand": chosen(BRANDS, catalogue.brand),
            "category_id": whole(catalogue.department + 1),
            "season": chosen(_SEASONS, product % len(_SEASONS)),
            "cost_usd": cents(catalogue.cost[0]),
            "cost_cad": cents(catalogue.cost[1]),
            "is_taxable": flags(catalogue.is_taxable),
            "is_gift_card": flags(product == catalogue.gift_card),
            "status": either(product % 41 == 40, "discontinued", constant("active", len(product))),
        },
        as_of,
    )


def _categories(as_of: int) -> Rows:
    number = np.arange(len(DEPARTMENTS), dtype=np.int64)
    food = number < 9
    return Rows.of_snapshot(
        {
            "category_id": whole(number + 1),
            "name": texts(DEPARTMENTS),
            "path": joined(
                either(food, "Food", constant("Home", len(number))), " > ", texts(DEPARTMENTS)
            ),
        },
        as_of,
    )


def _prices(world: World, as_of: int) -> Rows:
    """List prices of each channel and currency that hold on the day, and promotions on top."""
    catalogue = world.catalogue
    product = np.arange(len(catalogue), dtype=np.int64)
    day = np.full(len(product), as_of)
    parts = []
    for channel in (STORE, WEB):
        for currency in (0, 1):
            listed = catalogue.list_price(product, day, channel, np.full(len(product), currency))
            off = listed * catalogue.off(product, day) // 1000
            parts.append((product, channel, currency, 0, listed))
            promoted = np.flatnonzero(off)
            parts.append((promoted, channel, currency, 1, (listed - off)[promoted]))
    products = np.concatenate([part[0] for part in parts])

    def repeated(position: int) -> Ints:
        return np.concatenate([np.full(len(part[0]), part[position]) for part in parts])

    week_start = as_of // 7 * 7
    is_sale = repeated(3) == 1
    raised = catalogue.raised_on[products]
    since = np.where(is_sale, week_start, np.where(raised <= as_of, raised, -365))
    return Rows.of_snapshot(
        {
            "sku": chosen(catalogue.skus(), products),
            "channel": chosen(("store", "web"), repeated(1)),
            "currency": chosen(("USD", "CAD"), repeated(2)),
            "price_type": either(is_sale, "sale", constant("list", len(products))),
            "price": cents(np.concatenate([part[4] for part in parts])),
            "valid_from": dates(world.days.since_1970(since)),
            "valid_to": dates(
                world.days.since_1970(np.full(len(products), week_start + 6)), is_sale
            ),
        },
        as_of,
    )


def _relations(world: World, as_of: int) -> Rows:
    count = world.catalogue.gift_card
    product = np.arange(count, dtype=np.int64)
    other = (product + len(DEPARTMENTS)) % count
    relation = product % 3
    return Rows.of_snapshot(
        {
            "sku": chosen(world.catalogue.skus(), product),
            "related_sku": chosen(world.catalogue.skus(), other),
            "relation": chosen(("complement", "substitute", "same_line"), relation),
        },
        as_of,
    )


def _locations(world: World, as_of: int) -> Rows:
    cities = world.places.cities
    codes = world.places.location_codes
    at = [*cities, *(CITIES[city] for _, city in WAREHOUSES)]
    number = np.arange(len(codes), dtype=np.int64)
    is_store = number < len(cities)
    return Rows.of_snapshot(
        {
            "location_id": whole(location_ids(number)),
            "store_id": texts(codes),
            "name": joined("Maple & Main ", texts([city.name for city in at])),
            "type": either(is_store, "store", constant("dc", len(codes))),
            "city": texts([city.name for city in at]),
            "region": texts([city.region for city in at]),
            "country": texts([city.country for city in at]),
            "currency": texts([city.currency for city in at]),
            "time_zone": texts([city.zone for city in at]),
            "latitude": texts([_degrees(city.latitude) for city in at]),
            "longitude": texts([_degrees(city.longitude) for city in at]),
            "opening_hours": either(is_store, "Mo-Su 07:00-23:00", constant("", len(codes))),
            "services": either(
                number % 2 == 0, "bopis,returns,cafe", constant("bopis,returns", len(codes))
            ),
            "phone": joined("+1", digits(FIRST_OWN_PHONE + number)),
        },
        as_of,
    )


def _degrees(ten_thousandths: int) -> str:
    sign = "-" if ten_thousandths < 0 else ""
    return f"{sign}{abs(ten_thousandths) // 10_000}.{abs(ten_thousandths) % 10_000:04d}"


def fx_millionths(world: World) -> Ints:
    """Canadian dollars for one US dollar, in millionths, by day."""
    steps = world.streams.named("finance/fx").between(-4_000, 4_001, world.days.count)
    return np.clip(_MEAN_RATE + np.cumsum(steps), 1_200_000, 1_400_000)


def _rates(world: World) -> Rows:
    """Both directions, every day of the week."""
    day = np.repeat(np.arange(world.days.count, dtype=np.int64), 2)
    usd_cad = fx_millionths(world)
    inverse = (10**12 + usd_cad // 2) // usd_cad
    rate = np.stack([usd_cad, inverse], axis=1).ravel()
    is_inverse = np.arange(len(day)) % 2
    return Rows(
        {
            "rate_date": dates(world.days.since_1970(day)),
            "base_currency": chosen(("USD", "CAD"), is_inverse),
            "quote_currency": chosen(("CAD", "USD"), is_inverse),
            "rate": decimals(rate, RATE),
            "provider": constant("synthetic central bank", len(day)),
        },
        day,
    )
