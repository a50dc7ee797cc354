"""What messages cause is known, and people held out differ from treated ones in nothing else."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pandas as pd
import pytest

from orchestration.demo.behaviour import (
    FROM_AD,
    FROM_EMAIL,
    FROM_PUSH,
    FROM_SMS,
    Behaviour,
    behave,
)
from orchestration.demo.campaigns import BY_AD, BY_SMS, Campaign
from orchestration.demo.consent import SMS, Consents, make_consents
from orchestration.demo.contacts import NEVER
from orchestration.demo.order_book import BOPIS, DELIVERED
from orchestration.demo.people import ACQUIRED_BY
from orchestration.demo.random_numbers import MILLION
from orchestration.demo.session_book import ORIGINS
from orchestration.demo.world import World
from tests.unit.demo.conftest import Retailer


def randomised(retailer: Retailer) -> np.ndarray:
    return np.flatnonzero(retailer.books.world.behaviour.touches.channel != BY_AD)


def test_hold_outs_have_the_planned_share(retailer: Retailer) -> None:
    world = retailer.books.world
    touches = world.behaviour.touches
    for campaign in world.campaigns:
        held = touches.is_holdout[touches.campaign == campaign.number]
        planned = campaign.holdout_ppm / 1e6
        allowed = 4 * sqrt(planned * (1 - planned) / len(held))
        assert held.mean() == pytest.approx(planned, abs=allowed)


@pytest.mark.parametrize("trait", ["sensitivity", "persona", "online_rate", "store_rate", "store"])
def test_hold_outs_are_balanced(retailer: Retailer, trait: str) -> None:
    """Means of treated and held-out people differ by chance only."""
    world = retailer.books.world
    touch = randomised(retailer)
    value = getattr(world.people, trait)[world.behaviour.touches.person[touch]].astype(float)
    held = world.behaviour.touches.is_holdout[touch]
    spread = value.std() * sqrt(1 / held.sum() + 1 / (~held).sum())
    assert abs(value[held].mean() - value[~held].mean()) < 4 * spread


def test_who_is_held_out_is_touched_by_nothing(retailer: Retailer) -> None:
    behaviour = retailer.books.world.behaviour
    touches = behaviour.touches
    held = touches.is_holdout
    assert not (touches.is_opened | touches.is_clicked | touches.stops)[held].any()
    assert (touches.effect[held] == 0).all()
    for purchases in (behaviour.receipts, behaviour.orders):
        assert not held[purchases.cause[purchases.cause >= 0]].any()
    messages = retailer.table("synthetic_messages", "events")
    mail = retailer.table("synthetic_direct_mail", "sends")
    assert set(mail["IS_HOLDOUT"]) == {"Y", "N"}
    sent = int((~held & (touches.channel == 0)).sum())
    received = messages["metric_name"].isin(["Received Email", "Bounced Email"])
    assert int(received.sum()) == sent


def test_caused_purchases_are_as_many_as_expected(retailer: Retailer) -> None:
    behaviour = retailer.books.world.behaviour
    expected = behaviour.touches.effect.sum() / 1e9
    caused = sum(int((p.cause >= 0).sum()) for p in (behaviour.receipts, behaviour.orders))
    assert abs(caused - expected) < 4 * sqrt(expected)


def test_a_cause_is_a_touch_of_the_same_person_that_still_works(retailer: Retailer) -> None:
    truth = retailer.truth("touches").set_index("touch_id")
    purchases = retailer.truth("purchases")
    caused = purchases[purchases["caused_by"] != ""]
    touches = truth.loc[caused["caused_by"]]
    assert (touches["person_id"].to_numpy() == caused["person_id"].to_numpy()).all()
    waited = (
        caused["date"].astype("datetime64[s]").to_numpy()
        - touches["date"].astype("datetime64[s]").to_numpy()
    ) / np.timedelta64(1, "D")
    in_post = np.where(touches["channel"] == "mail", 3, 0)
    assert (waited >= in_post).all()
    assert (waited < touches["effect_days"].astype(int).to_numpy() + in_post).all()
    counted = caused.groupby("caused_by").size()
    assert (truth.loc[counted.index, "caused_purchases"].astype(int) == counted).all()


def lived_again(world: World, campaigns: tuple[Campaign, ...]) -> tuple[Behaviour, Consents]:
    consents = make_consents(world.people, world.days, world.streams)
    behaviour = behave(
        people=world.people,
        consents=consents,
        emails=world.emails,
        campaigns=campaigns,
        days=world.days,
        incidents=world.incidents,
        streams=world.streams,
    )
    return behaviour, consents


def test_a_new_campaign_moves_no_other_audience(retailer: Retailer) -> None:
    """Lots are a person's own: only who stops because of it is missing in later audiences."""
    world = retailer.books.world
    extra = replace(
        world.campaigns[0], number=len(world.campaigns), channel=BY_SMS, day=1, audience_ppm=MILLION
    )
    before, _ = lived_again(world, world.campaigns)
    after, consents = lived_again(world, (*world.campaigns, extra))
    assert (after.touches.campaign == extra.number).any()
    gone: set[int] = set()
    lots = ("is_holdout", "is_opened", "is_clicked", "stops", "wait")

    def lots_of(behaviour: Behaviour, number: int) -> dict[int, tuple[int, ...]]:
        touches = behaviour.touches
        of = touches.campaign == number
        values = [getattr(touches, name)[of] for name in lots]
        return dict(zip(touches.person[of].tolist(), zip(*values, strict=True), strict=True))

    for campaign in world.campaigns:
        ours, theirs = lots_of(before, campaign.number), lots_of(after, campaign.number)
        assert set(theirs) <= set(ours)
        assert theirs == {person: ours[person] for person in theirs}
        gone |= set(ours) - set(theirs)
    assert gone
    assert (consents.withdrawn[SMS, list(gone)] <= world.last_day).all()


def test_a_late_parcel_is_noticed_when_it_arrives_and_not_before(
    retailer: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were nobody to buy after one, only purchases after its arrival would be missing."""
    world = retailer.books.world
    monkeypatch.setattr("orchestration.demo.behaviour._AFTER_LATE_PARCEL", 0)
    without, _ = lived_again(world, world.campaigns)
    usual = world.behaviour
    arrives = np.full(len(world.people), NEVER)
    late = np.flatnonzero(usual.orders.is_late)
    np.minimum.at(arrives, usual.orders.person[late], usual.orders.arrives_late[late])
    waited = missed = 0
    for ours, theirs in ((usual.receipts, without.receipts), (usual.orders, without.orders)):
        all_of = set(zip(ours.person.tolist(), ours.day.tolist(), strict=True))
        rest = set(zip(theirs.person.tolist(), theirs.day.tolist(), strict=True))
        assert rest <= all_of
        assert all(day > arrives[person] for person, day in all_of - rest)
        assert not [1 for person, day in rest if day > arrives[person]]
        waited += sum(arrives[person] - 6 < day <= arrives[person] for person, day in rest)
        missed += len(all_of - rest)
    assert waited
    assert missed


def test_only_parcels_are_late_and_arrive_on_their_day(retailer: Retailer) -> None:
    world, orders = retailer.books.world, retailer.books.orders
    sales = world.web_sales
    late = sales.purchases.is_late
    assert late.any()
    assert not late[orders.method == BOPIS].any()
    assert not late[orders.is_cancelled].any()
    steps = orders.steps
    arrived = np.full(len(sales), -1)
    delivered = steps.kind == DELIVERED
    arrived[steps.order[delivered]] = steps.day[delivered]
    seen = np.flatnonzero(late & (sales.purchases.arrives_late <= world.last_day))
    assert len(seen)
    assert (arrived[seen] == sales.purchases.arrives_late[seen]).all()
    usual = np.flatnonzero(~late & (arrived >= 0))
    assert (arrived[usual] - sales.day[usual]).max() < 6
    assert (arrived[seen] - sales.day[seen]).min() >= 6


def test_orders_come_from_ads_and_messages_too(retailer: Retailer) -> None:
    """In the session that the link began; shop, web analytics and ad report agree on it."""
    world, sessions = retailer.books.world, retailer.books.sessions
    placing = sessions.order >= 0
    for reason in (FROM_EMAIL, FROM_SMS, FROM_PUSH, FROM_AD):
        assert (placing & (sessions.reason == reason)).any(), reason
    placed = world.web_sales.moment[sessions.order[placing]]
    assert (placed > sessions.start[placing]).all()
    assert (placed - sessions.start[placing] < 3600).all()
    shop = retailer.table("synthetic_shop", "orders")
    click = shop["landing_site"].str.extract(r"gclid=([^&]+)")[0].dropna()
    assert len(click)
    report = retailer.table("synthetic_google_ads", "clicks")
    assert set(click) <= set(report["gclid"])
    assert shop["landing_site"].str.contains("utm_medium=email").any()
    web = retailer.table("synthetic_web", "events")
    bought = web[(web["event_name"] == "purchase") & (web["traffic_source_medium"] == "cpc")]
    assert len(bought)
    assert set(bought["ecommerce_transaction_id"]) <= set(shop["name"])
    claimed = retailer.table("synthetic_google_ads", "ad_stats")["conversions"].astype(int).sum()
    claimed += sum(
        int(action["value"])
        for actions in retailer.table("synthetic_meta_ads", "ad_stats")["actions"]
        for action in actions
    )
    assert claimed > (placing & (sessions.reason == FROM_AD)).sum()


def test_dropped_out_people_do_nothing_more(retailer: Retailer) -> None:
    world = retailer.books.world
    for happened in (world.behaviour.receipts, world.behaviour.orders):
        assert (happened.day <= world.people.last_day[happened.person]).all()
        assert (happened.day >= world.people.first_day[happened.person]).all()


def test_nobody_is_written_to_without_consent(retailer: Retailer) -> None:
    """As of the day of the message, by the delivered consent events alone."""
    events = retailer.table("synthetic_consent", "events")
    email = events[events["channel"] == "email"].sort_values("occurred_at")
    sent = retailer.table("synthetic_messages", "events")
    sent = sent[sent["metric_name"] == "Received Email"].assign(
        day=lambda table: pd.to_datetime(table["timestamp"].str.slice(0, 10))
    )
    answers = email.assign(day=pd.to_datetime(email["occurred_at"].str.slice(0, 10)))
    known = pd.merge_asof(
        sent.sort_values("day"),
        answers[["subject", "day", "status"]].sort_values("day", kind="stable"),
        on="day",
        left_by="email",
        right_by="subject",
    )
    assert len(known)
    assert (known["status"] == "granted").all()


def test_addresses_of_pages_name_nobody_who_refuses(retailer: Retailer) -> None:
    events = retailer.table("synthetic_web", "events")
    page = events["param_page_location"]
    named = page.str.contains(r"[?&](?:_kx|gclid|fbclid)=")
    clicked = page.str.contains(r"[?&](?:gclid|fbclid)=")
    assert page.str.contains(r"[?&]_kx=").any()
    assert clicked.any()
    assert set(events[named]["privacy_info_analytics_storage"]) == {"Yes"}
    assert set(events[clicked]["privacy_info_ads_storage"]) == {"Yes"}
    refused = events[events["privacy_info_analytics_storage"] == "No"]
    assert len(refused)
    for column in (
        "user_pseudo_id",
        "user_id",
        "param_ga_session_id",
        "collected_traffic_source_gclid",
    ):
        assert refused[column].isna().all()


def test_new_people_come_the_way_that_the_truth_names(retailer: Retailer) -> None:
    """Each first session has its origin, and cheap ways bring people who buy less."""
    people = retailer.truth("people").set_index("person_id")
    new = people[people["acquired_by"] != ""]
    assert set(new["acquired_by"]) == set(ACQUIRED_BY)
    book = retailer.books.sessions
    by_time = np.lexsort((book.start, book.day))[::-1]
    first = dict(zip(book.person[by_time].tolist(), by_time.tolist(), strict=True))
    source_of = {
        "direct": ("(direct)", "(none)"),
        "organic_search": ("google", "organic"),
        "referral": ("grocerreviews.example", "referral"),
        "paid_search": ("google", "cpc"),
        "paid_social": ("facebook.com", "paid_social"),
    }
    for person, way in new["acquired_by"].items():
        position = first[int(str(person)[1:]) - 1]
        source, medium, _ = ORIGINS[book.origin[position]]
        assert (source, medium) == source_of[way], person
        if way.startswith("paid"):
            assert book.touch[position] >= 0
    rate = new["online_purchases_per_million_days"].astype(int)
    worth = rate[rate > 0].groupby(new["acquired_by"]).mean()
    assert worth["paid_social"] < worth.drop("paid_social").min()
