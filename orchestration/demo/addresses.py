"""Names and postal addresses, as accounts, print houses and the CRM hold them.

A household has one address. How carefully people write their names is drawn here; which
record carries them belongs to `channels`.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc

from orchestration.demo import names
from orchestration.demo.columns import Column, chosen, digits, either, joined, json_object
from orchestration.demo.people import People
from orchestration.demo.places import Places
from orchestration.demo.random_numbers import Ints, Stream

_POSTAL_LETTERS = "ABCEGHJKLM"


def given_names(people: People, person: Ints) -> Column:
    """Given names, as they are."""
    return chosen(names.GIVEN, people.given_name[person])


def family_names(people: People, person: Ints) -> Column:
    """Family names, as they are."""
    return chosen(names.FAMILY, people.family_name[person])


def given_names_typed(people: People, person: Ints, stream: Stream) -> Column:
    """Given names as typed: initials, capitals, a letter too few."""
    name = given_names(people, person)
    style = stream.below(100, len(person))
    initial = joined(pc.utf8_slice_codeunits(name, start=0, stop=1), ".")
    cut = pc.utf8_slice_codeunits(name, start=0, stop=-1)
    typed = either(style < 4, initial, either(style < 6, cut, name))
    typed = either((style >= 6) & (style < 10), pc.utf8_upper(name), typed)
    return either((style >= 10) & (style < 13), pc.utf8_lower(name), typed)


def address_parts(people: People, places: Places, person: Ints) -> Mapping[str, Column]:
    """Street, city, region, postal code and country of the household."""
    household = people.household[person]
    city = people.store[person]
    street = joined(
        digits(household % 480 + 1), " ", chosen(names.STREETS, household % len(names.STREETS))
    )
    start = chosen([place.postal_start for place in places.cities], city)
    american = joined(start, digits(household % 100, 2))
    letter = chosen(list(_POSTAL_LETTERS), household % len(_POSTAL_LETTERS))
    canadian = joined(start, " ", digits(household % 9 + 1), letter, digits(household % 7))
    return {
        "address1": street,
        "city": chosen([place.name for place in places.cities], city),
        "province_code": chosen([place.region for place in places.cities], city),
        "zip": either(places.is_canadian()[city] == 1, canadian, american),
        "country_code": chosen([place.country for place in places.cities], city),
    }


def address_json(
    people: People, places: Places, person: Ints, name: Column, phone: Column
) -> Column:
    """An address as the shop system writes it."""
    return json_object({"name": name, **address_parts(people, places, person), "phone": phone})


def full_names(people: People, person: Ints) -> Column:
    """Given and family name."""
    return joined(given_names(people, person), " ", family_names(people, person))


def birth_dates(people: People, person: Ints) -> Ints:
    """Birthdays in days since 1970."""
    year = people.birth_year[person]
    leap_days = (year - 1969) // 4
    return (year - 1970) * 365 + leap_days + np.asarray(person * 37 % 365)
