"""The truth knows everyone whom a delivery names."""

import numpy as np
import pandas as pd
import pytest

from orchestration.demo import names
from tests.unit.demo.conftest import Retailer
from tests.unit.demo.test_references import TILLS, named, tills


def known(retailer: Retailer, kind: str) -> set[str]:
    owners = retailer.truth("identifiers")
    return set(owners[owners["identifier_type"] == kind]["value"])


def e164(values: set[str]) -> set[str]:
    """Telephone numbers as the warehouse will write them; junk stays as it is."""
    junk = set(names.JUNK_PHONES)
    digits = {v: "".join(filter(str.isdigit, v))[-10:] for v in values - junk}
    return {f"+1{number}" for number in digits.values()} | (values & junk)


@pytest.mark.parametrize(
    "source, entity, column",
    [
        *((source, "transactions", "receipt_email") for source in TILLS),
        ("synthetic_shop", "orders", "email"),
        ("synthetic_shop", "abandoned_checkouts", "email"),
        ("synthetic_shop", "customers", "email"),
        ("synthetic_messages", "events", "email"),
        ("synthetic_messages", "profiles", "email"),
        ("synthetic_loyalty", "members", "email"),
        ("synthetic_crm", "contacts", "email"),
        ("synthetic_service", "tickets", "requester_email"),
        ("synthetic_store_floor", "interactions", "email"),
        ("synthetic_reviews", "reviews", "author_email"),
    ],
)
def test_every_address(retailer: Retailer, source: str, entity: str, column: str) -> None:
    found = named(retailer.table(source, entity)[column].str.strip().str.lower())
    assert found
    assert found <= known(retailer, "email")


@pytest.mark.parametrize(
    "source, entity, column",
    [
        *((source, "transactions", "receipt_phone") for source in TILLS),
        ("synthetic_shop", "orders", "phone"),
        ("synthetic_shop", "customers", "phone"),
        ("synthetic_messages", "events", "to_number"),
        ("synthetic_loyalty", "members", "phone"),
        ("synthetic_crm", "contacts", "phone"),
        ("synthetic_service", "tickets", "requester_phone"),
    ],
)
def test_every_telephone(retailer: Retailer, source: str, entity: str, column: str) -> None:
    found = named(retailer.table(source, entity)[column])
    assert found
    assert e164(found) <= known(retailer, "phone")


@pytest.mark.parametrize(
    "kind, source, entity, column",
    [
        ("loyalty_card", "synthetic_till_us", "transactions", "loyalty_card_no"),
        ("loyalty_card", "synthetic_loyalty", "members", "loyalty_id"),
        ("loyalty_card", "synthetic_loyalty", "ledger", "loyalty_id"),
        ("loyalty_card", "synthetic_coupons", "events", "loyalty_id"),
        ("loyalty_card", "synthetic_store_floor", "interactions", "loyalty_id"),
        ("payment_token", "synthetic_till_ca", "tenders", "payment_token_hash"),
        ("payment_token", "synthetic_shop", "transactions", "payment_token_hash"),
        ("gift_card", "synthetic_till_us", "transaction_lines", "gift_card_hash"),
        ("gift_card", "synthetic_till_us", "tenders", "gift_card_hash"),
        ("gift_card", "synthetic_shop", "order_lines", "gift_card_hash"),
        ("shop_customer", "synthetic_shop", "orders", "customer_id"),
        ("shop_customer", "synthetic_web", "events", "user_id"),
        ("shop_customer", "synthetic_app", "events", "userId"),
        ("cookie", "synthetic_web", "events", "user_pseudo_id"),
        ("app_device", "synthetic_app", "events", "anonymousId"),
        ("app_device", "synthetic_store_floor", "visits", "device_id"),
        ("push_token", "synthetic_messages", "events", "push_token"),
        ("message_profile", "synthetic_messages", "profiles", "id"),
        ("message_profile", "synthetic_coupons", "events", "message_profile"),
        ("crm_contact", "synthetic_crm", "contacts", "id"),
        ("crm_contact", "synthetic_crm", "contact_merges", "vid_to_merge"),
        ("service_requester", "synthetic_service", "tickets", "requester_id"),
        ("social_handle", "synthetic_social", "engagements", "handle"),
        ("social_handle", "synthetic_crm", "contacts", "twitterhandle"),
        ("mail_household", "synthetic_direct_mail", "sends", "HOUSEHOLD_ID"),
        ("mail_household", "synthetic_loyalty", "members", "household_id"),
        ("click", "synthetic_google_ads", "clicks", "gclid"),
    ],
)
def test_every_other_identifier(
    retailer: Retailer, kind: str, source: str, entity: str, column: str
) -> None:
    found = named(retailer.table(source, entity)[column].dropna())
    assert found
    assert found <= known(retailer, kind)


def test_subjects_of_consent_are_known_by_their_type(retailer: Retailer) -> None:
    events = retailer.table("synthetic_consent", "events")
    types = {"email", "phone", "cookie", "app_device", "mail_household"}
    assert set(events["subject_type"]) == types
    for kind, of_kind in events.groupby("subject_type"):
        assert named(of_kind["subject"]) <= known(retailer, str(kind))


def test_every_measured_session_has_its_person(retailer: Retailer) -> None:
    events = retailer.table("synthetic_web", "events").dropna(subset=["user_pseudo_id"])
    sessions = retailer.truth("sessions")
    told = set(zip(sessions["anonymous_id"], sessions["session_id"], strict=True))
    assert set(zip(events["user_pseudo_id"], events["param_ga_session_id"], strict=True)) <= told
    people = set(retailer.truth("people")["person_id"])
    assert set(sessions["person_id"]) <= people


def test_every_receipt_and_order_has_its_person(retailer: Retailer) -> None:
    purchases = retailer.truth("purchases")
    receipts = tills(retailer, "transactions")
    sold = named(receipts[receipts["transaction_type"] == "sale"]["transaction_id"])
    assert sold == set(purchases[purchases["channel"] == "store"]["purchase"])
    orders = named(retailer.table("synthetic_shop", "orders")["name"])
    assert orders == set(purchases[purchases["channel"] == "web"]["purchase"])


def test_all_the_trouble_is_there(retailer: Retailer) -> None:
    owners = retailer.truth("identifiers")
    trouble = set(zip(owners["identifier_type"], owners["ownership"], strict=True))
    assert trouble >= {
        ("email", "second"), ("email", "mistyped"), ("email", "shared"), ("email", "junk"),
        ("email", "masked"), ("phone", "recycled"), ("phone", "junk"), ("loyalty_card", "second"),
        ("loyalty_card", "shared"), ("payment_token", "shared"), ("shop_customer", "guest"),
        ("cookie", "shared"), ("cookie", "kiosk"), ("crm_contact", "second"), ("app_device", "robot"),
    }  # fmt: skip
    used = retailer.table("synthetic_shop", "orders")["email"].str.strip().str.lower()
    by_value = owners[owners["identifier_type"] == "email"].groupby("value")["ownership"].first()
    assert set(by_value.reindex(used).dropna()) >= {"sole", "second", "mistyped", "junk", "masked"}


def test_a_recycled_telephone_has_one_owner_at_a_time(retailer: Retailer) -> None:
    owners = retailer.truth("identifiers")
    phones = owners[(owners["identifier_type"] == "phone") & (owners["person_id"] != "")]
    recycled = phones[phones["ownership"] == "recycled"]["value"]
    assert len(recycled)
    for value in recycled:
        of_value = phones[phones["value"] == value].sort_values("valid_from")
        assert of_value["person_id"].nunique() == 2
        first, second = of_value.to_dict("records")
        assert first["valid_until"] < second["valid_from"]


def test_no_identifier_of_one_person_is_by_chance_that_of_another(retailer: Retailer) -> None:
    owners = retailer.truth("identifiers")
    alone = owners[owners["ownership"].isin(["sole", "second", "mistyped", "guest", "masked"])]
    people = alone.groupby(["identifier_type", "value"])["person_id"].nunique()
    assert people.max() == 1


def test_consent_of_the_truth_is_what_was_delivered(retailer: Retailer) -> None:
    truth = retailer.truth("consent")
    assert len(truth) == len(retailer.table("synthetic_consent", "events"))
    order = truth.groupby(["person_id", "channel"])["date"].apply(
        lambda d: d.is_monotonic_increasing
    )
    assert bool(np.all(order))


def test_lapsed_people_are_known_by_their_last_day(retailer: Retailer) -> None:
    people = retailer.truth("people")
    gone = people[people["alive_until"] != ""]
    assert 0 < len(gone) < len(people) / 2
    assert (pd.to_datetime(gone["alive_until"]) > pd.to_datetime(gone["alive_from"])).all()
