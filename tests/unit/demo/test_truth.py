"""The truth knows everyone whom a delivery names."""

import re

import pandas as pd
import pytest

from orchestration.demo import names
from orchestration.demo.order_book import SALES_CHANNELS
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
        ("mail_piece", "synthetic_direct_mail", "sends", "PIECE_ID"),
        ("mail_piece", "synthetic_direct_mail", "responses", "PIECE_ID"),
        ("shop_customer", "synthetic_messages", "profiles", "external_id"),
        ("shop_customer", "synthetic_shop", "customers", "id"),
    ],
)
def test_every_other_identifier(
    retailer: Retailer, kind: str, source: str, entity: str, column: str
) -> None:
    found = named(retailer.table(source, entity)[column].dropna())
    assert found
    assert found <= known(retailer, kind)


@pytest.mark.parametrize(
    "source, entity, types",
    [
        (
            "synthetic_consent",
            "events",
            {"email", "phone", "cookie", "app_device", "mail_household"},
        ),
        ("synthetic_experiments", "assignments", {"message_profile", "mail_piece"}),
    ],
)
def test_subjects_are_known_by_their_type(
    retailer: Retailer, source: str, entity: str, types: set[str]
) -> None:
    rows = retailer.table(source, entity)
    assert set(rows["subject_type"]) == types
    for kind, of_kind in rows.groupby("subject_type"):
        assert named(of_kind["subject"]) <= known(retailer, str(kind))


def test_the_truth_tells_no_owner_of_what_was_never_delivered(retailer: Retailer) -> None:
    """Each of its values stands as a whole word somewhere in the files."""
    words: set[str] = set()
    for feed in retailer.outcome.totals:
        # Earlier snapshots name what later ones forget.
        files = retailer.files(feed.source, feed.entity)
        tables = [retailer.table(feed.source, feed.entity)]
        tables += [] if feed.is_daily else [retailer.read(file) for file in files]
        for table in tables:
            for column in table.columns:
                values = table[column].dropna()
                if not len(values) or isinstance(values.iloc[0], pd.Timestamp | bool):
                    continue
                for value in values.astype(str).unique():
                    words.add(value.strip().lower())
                    if "'" in value or "=" in value:
                        words.update(part.lower() for part in re.split(r"['?&=]", value))
    owners = retailer.truth("identifiers")
    phones = owners["identifier_type"] == "phone"
    missing = owners[~phones & ~owners["value"].str.lower().isin(words)]
    assert missing.groupby("identifier_type").size().to_dict() == {}
    numbers = e164({word for word in words if re.fullmatch(r"\+?[\d() -]{10,16}", word)})
    assert set(owners[phones]["value"]) <= numbers | set(names.JUNK_PHONES)
    assert set(owners["identifier_type"]) == {
        "app_device", "click", "cookie", "crm_contact", "email", "gift_card", "loyalty_card",
        "mail_household", "mail_piece", "message_profile", "payment_token", "phone", "push_token",
        "service_requester", "shop_customer", "social_handle",
    }  # fmt: skip


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
    orders = retailer.table("synthetic_shop", "orders")
    online = purchases[purchases["channel"] != "store"]
    told = dict(zip(online["purchase"], online["channel"], strict=True))
    assert told == dict(zip(orders["name"], orders["source_name"], strict=True))
    assert set(told.values()) == set(SALES_CHANNELS)


def test_a_coupon_of_the_truth_is_one_that_was_used(retailer: Retailer) -> None:
    purchases = retailer.truth("purchases").set_index("purchase")
    used = set(purchases[purchases["coupon_of"] != ""].index)
    lines = tills(retailer, "transaction_lines")
    sold = lines[(lines["coupon_code"] != "") & (lines["return_of_line_no"] == "")]
    ordered = retailer.table("synthetic_shop", "order_lines")
    ordered = ordered[ordered["discount_code"] != ""]
    numbers = retailer.table("synthetic_shop", "orders").set_index("id")["name"]
    delivered = set(sold["transaction_id"]) | set(numbers.loc[ordered["order_id"].unique()])
    # An exchange hands the same line out again; it is no purchase of its own.
    assert used == delivered & set(purchases.index)
    assert used


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
    of_one = truth["person_id"] + truth["channel"]
    by_one = truth.assign(of_one=of_one).sort_values("of_one", kind="stable")
    follows = by_one["of_one"].eq(by_one["of_one"].shift())
    assert (by_one["date"] >= by_one["date"].shift().fillna(""))[follows].all()
    assert follows.any()


def test_lapsed_people_are_known_by_their_last_day(retailer: Retailer) -> None:
    people = retailer.truth("people")
    gone = people[people["alive_until"] != ""]
    assert 0 < len(gone) < len(people) / 2
    assert (pd.to_datetime(gone["alive_until"]) > pd.to_datetime(gone["alive_from"])).all()
