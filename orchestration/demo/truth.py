"""Truth tables: what really is, beside the sources and out of reach of every model.

They measure identity, consent, attribution, fading and the finding of incidents. They are
written into a folder of their own that no source declares and no contract names.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from orchestration.demo.books import Books
from orchestration.demo.campaigns import BY_AD, EFFECT_DAYS
from orchestration.demo.catalogue import DEPARTMENTS
from orchestration.demo.channels.consent import STATUSES, consent_changes
from orchestration.demo.channels.shop import order_names
from orchestration.demo.channels.till import receipt_ids
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    dates,
    digits,
    either,
    flags,
    joined,
    only,
    seconds,
    texts,
    whole,
)
from orchestration.demo.consent import CONSENT_CHANNELS, PURPOSES
from orchestration.demo.deliveries import Delivered
from orchestration.demo.formats import Csv, open_writer
from orchestration.demo.order_book import SALES_CHANNELS
from orchestration.demo.owners import owners
from orchestration.demo.people import ACQUIRED_BY, CHANNELS_OF_EFFECT, KINDS, PERSONAS
from orchestration.demo.positions import column_at
from orchestration.demo.random_numbers import Ints
from orchestration.demo.session_book import WEB
from orchestration.demo.sightings import Sightings
from orchestration.demo.world import Sales, World

FOLDER = "truth"
_CSV = Csv()


def write_truth(
    output: Path, books: Books, delivered: tuple[Delivered, ...], seen: Sightings
) -> None:
    """Write every truth table as CSV below the folder of a run."""
    world = books.world
    tables: dict[str, list[Mapping[str, Column]]] = {
        "people": [_people(world)],
        "identifiers": _identifiers(books, seen),
        "consent": [_consent(world)],
        "touches": [_touches(world)],
        "purchases": [_store_purchases(books), _web_purchases(books)],
        "sessions": [_sessions(books)],
        "incidents": [_incidents(world)],
        "deliveries": [_deliveries(delivered)],
    }
    for name, parts in tables.items():
        with open_writer(output / FOLDER / f"{name}.csv", _CSV) as writer:
            for columns in parts:
                count = len(next(iter(columns.values())))
                writer.write(Rows(columns, np.zeros(count, dtype=np.int64)))


def person_ids(person: Ints) -> Column:
    """Names of people in truth tables; empty where it is nobody."""
    return only(joined("P", digits(np.maximum(person, 0) + 1, 7)), person >= 0)


def _household_ids(world: World, person: Ints) -> Column:
    household = world.people.household[np.maximum(person, 0)]
    return only(joined("H", digits(household + 1, 7)), person >= 0)


def _people(world: World) -> Mapping[str, Column]:
    people, person = world.people, world.people.ids()
    in_window = people.last_day <= world.last_day
    columns: dict[str, Column] = {
        "person_id": person_ids(person),
        "household_id": _household_ids(world, person),
        "kind": chosen(KINDS, people.kind),
        "persona": chosen([persona.name for persona in PERSONAS], people.persona),
        "panel_household": whole(people.panel_card, people.panel_card >= 0),
        "home_store_id": chosen(world.places.store_codes, people.store),
        "price_sensitivity_permille": whole(people.sensitivity),
        "favourite_department": chosen(DEPARTMENTS, people.favourite),
        "store_purchases_per_million_days": whole(people.store_rate),
        "online_purchases_per_million_days": whole(people.online_rate),
        "alive_from": dates(world.days.since_1970(people.first_day)),
        "alive_until": dates(world.days.since_1970(people.last_day), in_window),
        "acquired_by": chosen(ACQUIRED_BY, people.acquired_by),
        "has_account": flags(people.has_account),
        "has_app": flags(people.has_app),
    }
    for channel, name in enumerate(CHANNELS_OF_EFFECT):
        columns[f"{name}_effect_permille"] = whole(people.effects[channel])
    return columns


def _identifiers(books: Books, seen: Sightings) -> list[Mapping[str, Column]]:
    world = books.world
    return [
        {
            "identifier_type": constant(owned.identifier_type, len(owned.person)),
            "value": owned.value,
            "person_id": person_ids(owned.person),
            "household_id": _household_ids(world, owned.person),
            "valid_from": dates(world.days.since_1970(owned.from_day)),
            "valid_until": dates(world.days.since_1970(owned.to_day)),
            "ownership": constant(owned.ownership, len(owned.person)),
        }
        for owned in owners(books, seen)
    ]


def _consent(world: World) -> Mapping[str, Column]:
    channel, person, day, status = consent_changes(world)
    return {
        "person_id": person_ids(person),
        "channel": chosen(CONSENT_CHANNELS, channel),
        "purpose": chosen(PURPOSES, channel),
        "date": dates(world.days.since_1970(day)),
        "status": chosen(STATUSES, status),
    }


def touch_ids(touch: Ints) -> Column:
    """Names of touches in truth tables; empty where there is none."""
    return only(joined("T", digits(np.maximum(touch, 0) + 1, 9)), touch >= 0)


def _touches(world: World) -> Mapping[str, Column]:
    touches = world.behaviour.touches
    count = len(touches.person)
    caused = np.zeros(count, dtype=np.int64)
    for purchases in (world.behaviour.receipts, world.behaviour.orders):
        np.add.at(caused, purchases.cause[purchases.cause >= 0], 1)
    return {
        "touch_id": touch_ids(np.arange(count, dtype=np.int64)),
        "channel": chosen(CHANNELS_OF_EFFECT, touches.channel),
        "campaign": chosen([campaign.name for campaign in world.campaigns], touches.campaign),
        "person_id": person_ids(touches.person),
        "date": dates(world.days.since_1970(touches.day)),
        "is_holdout": flags(touches.is_holdout),
        "is_randomised": flags(touches.channel != BY_AD),
        "effect_days": whole(np.array(EFFECT_DAYS)[touches.channel]),
        "expected_purchases_billionths": whole(touches.effect),
        "caused_purchases": whole(caused),
    }


def _store_purchases(books: Books) -> Mapping[str, Column]:
    world = books.world
    purchases = world.behaviour.receipts
    ids = column_at(receipt_ids(world, books.store), books.store.receipt_of_sale)
    return {
        "channel": constant("store", len(purchases.person)),
        "purchase": ids,
        "person_id": person_ids(purchases.person),
        "date": dates(world.days.since_1970(purchases.day)),
        "caused_by": touch_ids(purchases.cause),
        "coupon_of": _coupons(world.store_sales),
    }


def _coupons(sales: Sales) -> Column:
    return only(touch_ids(sales.purchases.coupon_touch), sales.uses_coupon)


def _web_purchases(books: Books) -> Mapping[str, Column]:
    world = books.world
    purchases = world.behaviour.orders
    order = np.arange(len(purchases.person), dtype=np.int64)
    return {
        "channel": chosen(SALES_CHANNELS, books.orders.channel),
        "purchase": order_names(order),
        "person_id": person_ids(purchases.person),
        "date": dates(world.days.since_1970(purchases.day)),
        "caused_by": touch_ids(purchases.cause),
        "coupon_of": _coupons(world.web_sales),
    }


def _sessions(books: Books) -> Mapping[str, Column]:
    world, sessions = books.world, books.sessions
    on_web = sessions.platform == WEB
    cookie = world.devices.cookie_text(sessions.cookie)
    return {
        "platform": either(on_web, "web", constant("app", len(sessions))),
        "anonymous_id": either(on_web, cookie, world.devices.app_id_text(sessions.device)),
        "session_id": digits(sessions.start),
        "started_at": seconds(sessions.start),
        "person_id": person_ids(sessions.person),
        "is_kiosk": flags(sessions.is_kiosk & on_web),
        "is_measured": flags(sessions.is_measured),
        "is_failed_checkout": flags(sessions.is_failed),
        "touch_id": touch_ids(sessions.touch),
    }


def _incidents(world: World) -> Mapping[str, Column]:
    planted = world.incidents.planted
    day = np.array([incident.day for incident in planted], dtype=np.int64)
    until = np.array([incident.until_day for incident in planted], dtype=np.int64)
    skus = world.catalogue.skus()
    return {
        "kind": texts([incident.kind for incident in planted]),
        "source": texts([incident.source or None for incident in planted]),
        "entity": texts([incident.entity or None for incident in planted]),
        "from_date": dates(world.days.since_1970(day)),
        "until_date": dates(world.days.since_1970(until)),
        "column": texts([incident.column or None for incident in planted]),
        "sku": texts([skus[i.product] if i.product >= 0 else None for i in planted]),
        "detail": texts([incident.detail for incident in planted]),
    }


def _deliveries(delivered: tuple[Delivered, ...]) -> Mapping[str, Column]:
    """The manifest: every file with its rows and the hash of its content."""
    ordered = sorted(delivered, key=lambda file: file.path.as_posix())
    return {
        "path": texts([file.path.as_posix() for file in ordered]),
        "delivered_on": texts(
            [file.delivered_on.isoformat() if file.delivered_on else None for file in ordered]
        ),
        "source": texts([file.source for file in ordered]),
        "entity": texts([file.entity for file in ordered]),
        "partition": texts([file.partition for file in ordered]),
        "why": texts([file.why for file in ordered]),
        "rows": whole(np.array([file.file.rows for file in ordered], dtype=np.int64)),
        "content_hash": texts([file.file.content_hash for file in ordered]),
    }
