"""The CRM, in the shape of HubSpot: contacts as weekly snapshots, and merges of them.

Some people are there twice, by e-mail and by telephone; half of the pairs are merged later,
and the merge is evidence. Handles on social networks stand here for a few.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.addresses import (
    address_parts,
    birth_dates,
    family_names,
    given_names_typed,
)
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    constant,
    dates,
    digits,
    either,
    iso_times,
    only,
    whole,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv
from orchestration.demo.names import JUNK_NAMES
from orchestration.demo.people import PROSPECT
from orchestration.demo.positions import column_at
from orchestration.demo.random_numbers import Bools, Ints
from orchestration.demo.snapshots import moment_of, snapshot_days
from orchestration.demo.world import World

SOURCE = "synthetic_crm"
FEEDS = (
    Feed(
        SOURCE,
        "contacts",
        key=("id",),
        dialect=Csv(is_quoted=True, has_carriage_return=True),
        rhythm="snapshot",
    ),
    Feed(
        SOURCE,
        "contact_merges",
        key=("canonical_vid", "vid_to_merge"),
        dated_by="timestamp",
        dialect=Csv(),
    ),
)
_IN_CRM_PPM = 550_000
_OCCUPATIONS = ("teacher", "nurse", "engineer", "retired", "student", "clerk", "chef", "driver")
_FAMILIES = ("single", "couple", "family with children", "shared flat")


def is_contact(world: World) -> Bools:
    """Who is in the CRM at all; prospects always, because that is how they are known."""
    drawn = world.streams.named("crm/contacts").chance(_IN_CRM_PPM, len(world.people))
    return np.asarray(drawn | (world.people.kind == PROSPECT))


def merge_days(world: World) -> Ints:
    """Day on which the second contact of a person is merged; behind the window for most."""
    stream = world.streams.named("crm/merges")
    count = len(world.people)
    day = world.people.first_day + 5 + stream.below(world.days.count, count)
    return np.where(stream.chance(500_000, count), day, world.days.count + 1)


def deliver(world: World) -> Iterator[tuple[Feed, Rows]]:
    """Contacts of each snapshot, and the merges day by day."""
    yield find_feed(FEEDS, SOURCE, "contact_merges"), _merges(world)
    for as_of in snapshot_days(world):
        yield find_feed(FEEDS, SOURCE, "contacts"), _contacts(world, as_of)


def _merges(world: World) -> Rows:
    day = merge_days(world)
    merged = is_contact(world) & world.identifiers.has_second_contact & (day <= world.last_day)
    person = np.flatnonzero(merged)
    return Rows(
        {
            "canonical_vid": whole(world.identifiers.contact(person)),
            "vid_to_merge": whole(world.identifiers.second_contact(person)),
            "timestamp": iso_times(moment_of(world, day[person])),
            "num_properties_moved": whole(person % 9 + 1),
        },
        day[person],
    ).ordered_by(person)


def _contacts(world: World, as_of: int) -> Rows:
    identifiers, people = world.identifiers, world.people
    exists = is_contact(world) & (people.first_day <= as_of)
    twice = exists & identifiers.has_second_contact & (merge_days(world) > as_of)
    first, second = np.flatnonzero(exists), np.flatnonzero(twice)
    person = np.concatenate([first, second])
    is_second = np.arange(len(person)) >= len(first)
    day = np.full(len(person), as_of)
    contact = np.where(is_second, identifiers.second_contact(person), identifiers.contact(person))
    drawn = _drawn_once(world, person)
    parts = address_parts(people, world.places, person)
    line = world.phones.line_on(person, day)
    columns: dict[str, Column] = {
        "id": whole(contact),
        "firstname": either(drawn["is_junk"], drawn["junk_name"], drawn["given"]),
        "lastname": only(family_names(people, person), ~drawn["is_junk"]),
        "email": only(drawn["email"], ~is_second),
        "phone": only(world.phones.national(line), is_second | drawn["gives_phone"]),
        "address": only(parts["address1"], drawn["gives_address"]),
        "city": parts["city"],
        "state": parts["province_code"],
        "zip": only(parts["zip"], drawn["gives_address"]),
        "country": parts["country_code"],
        "date_of_birth": dates(birth_dates(people, person), drawn["gives_birthday"]),
        "gender": only(
            either(people.is_female[person], "female", constant("male", len(person))),
            drawn["gives_birthday"],
        ),
        "occupation": only(
            chosen(_OCCUPATIONS, person % len(_OCCUPATIONS)), drawn["gives_address"]
        ),
        "family_structure": only(
            chosen(_FAMILIES, person % len(_FAMILIES)), drawn["gives_birthday"]
        ),
        "lifecyclestage": either(
            people.kind[person] == PROSPECT, "lead", constant("customer", len(person))
        ),
        "twitterhandle": only(
            identifiers.handle_text(person, people),
            identifiers.has_handle[person] & drawn["gives_phone"],
        ),
        "loyalty_id": only(
            digits(identifiers.card[person]),
            (identifiers.card[person] >= 0) & drawn["gives_address"],
        ),
        "hs_merged_object_ids": only(
            digits(identifiers.second_contact(person)),
            identifiers.has_second_contact[person]
            & (merge_days(world)[person] <= as_of)
            & ~is_second,
        ),
        "createdate": iso_times(moment_of(world, people.first_day[person])),
        "lastmodifieddate": iso_times(moment_of(world, day)),
    }
    return Rows.of_snapshot(columns, as_of)


def _drawn_once(world: World, person: Ints) -> dict[str, Column]:
    """What was typed when the contact was made: the same in every snapshot."""
    stream = world.streams.named("crm/typed")
    everyone = world.people.ids()
    count = len(everyone)
    given = given_names_typed(world.people, everyone, stream)
    email = world.emails.as_typed(everyone, stream)
    junk = chosen(JUNK_NAMES, stream.below(len(JUNK_NAMES), count))
    return {
        "given": column_at(given, person),
        "email": column_at(email, person),
        "junk_name": column_at(junk, person),
        "is_junk": stream.chance(8_000, count)[person],
        "gives_phone": stream.chance(450_000, count)[person],
        "gives_address": stream.chance(600_000, count)[person],
        "gives_birthday": stream.chance(350_000, count)[person],
    }
