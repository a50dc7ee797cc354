"""What messages cause is known, and people held out differ from treated ones in nothing else."""

from math import sqrt

import numpy as np
import pytest

from orchestration.demo.campaigns import BY_AD, plan_campaigns
from orchestration.demo.incidents import Incidents
from orchestration.demo.people import ACQUIRED_BY
from orchestration.demo.random_numbers import Streams
from orchestration.demo.session_book import GOOGLE_ADS, META_ADS
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


def test_a_new_campaign_moves_no_other_audience(retailer: Retailer) -> None:
    """Audiences have streams of their own: the plan's names are their keys."""
    world = retailer.books.world
    again = plan_campaigns(world.days, Incidents(()), Streams(world.streams.seed))
    assert [c.name for c in again] == [c.name for c in world.campaigns][: len(again)]


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
        day=lambda table: table["timestamp"].str.slice(0, 10)
    )
    by_address = {str(key): group for key, group in email.groupby("subject")}
    for row in sent.sample(300, random_state=1).to_dict("records"):
        answers = by_address[row["email"]]
        known = answers[answers["occurred_at"].str.slice(0, 10) <= row["day"]]
        assert known["status"].iloc[-1] == "granted"


def test_new_people_come_the_way_that_the_truth_names(retailer: Retailer) -> None:
    """Their first session has its origin, and cheap ways bring people who buy less."""
    people = retailer.truth("people").set_index("person_id")
    new = people[people["acquired_by"] != ""]
    assert set(new["acquired_by"]) == set(ACQUIRED_BY)
    sessions = retailer.truth("sessions").drop_duplicates("person_id").set_index("person_id")
    book = retailer.books.sessions
    origin = dict(zip(map(int, book.person[::-1]), map(int, book.origin[::-1]), strict=True))
    by_ad = new[new["acquired_by"].isin(["paid_search", "paid_social"])]
    assert set(by_ad.index) <= set(sessions.index)
    first = {origin[int(person[1:]) - 1] for person in by_ad.index}
    assert {GOOGLE_ADS, META_ADS} <= first
    rate = new["online_purchases_per_million_days"].astype(int)
    worth = rate[rate > 0].groupby(new["acquired_by"]).mean()
    assert worth["paid_social"] < worth.drop("paid_social").min()
