"""Every card of the panel is exactly one person, and no row of the panel is ever delivered."""

import numpy as np
import pandas as pd

from orchestration.demo.people import PANEL
from orchestration.settings import load_settings
from tests.unit.demo.conftest import Retailer
from tests.unit.demo.test_references import named, tills

PANEL_HOUSEHOLDS = 2_469


def test_every_panel_card_is_one_person_and_every_panel_person_one_card(retailer: Retailer) -> None:
    people = retailer.truth("people")
    cards = people[people["panel_household"] != ""]
    assert len(cards) == PANEL_HOUSEHOLDS == cards["panel_household"].nunique()
    assert set(cards["kind"]) == {"panel"}
    assert set(people[people["kind"] == "panel"]["panel_household"]) == set(
        cards["panel_household"]
    )
    owners = retailer.truth("identifiers")
    of_cards = owners[owners["identifier_type"] == "loyalty_card"]
    of_panel = of_cards[of_cards["value"].isin(cards["panel_household"])]
    assert len(of_panel) == PANEL_HOUSEHOLDS == of_panel["person_id"].nunique()


def test_no_household_has_two_panel_cards(retailer: Retailer) -> None:
    people = retailer.truth("people")
    assert not people[people["kind"] == "panel"].duplicated("household_id").any()
    assert people.duplicated("household_id").any()


def test_the_tills_know_no_panel_card_but_the_other_channels_do(retailer: Retailer) -> None:
    people = retailer.truth("people")
    panel_cards = named(people["panel_household"])
    assert not panel_cards & named(tills(retailer, "transactions")["loyalty_card_no"])
    assert panel_cards <= named(retailer.table("synthetic_loyalty", "members")["loyalty_id"])
    assert panel_cards & named(retailer.table("synthetic_loyalty", "ledger")["loyalty_id"])


def test_panel_people_live_as_long_as_their_card(retailer: Retailer) -> None:
    """Each person is alive at least until the last receipt of the card, as the panel dates it."""
    receipts = pd.read_parquet(
        load_settings().panel_files() / "transactions.parquet",
        columns=["household_id", "transaction_timestamp"],
    )
    at = pd.to_datetime(receipts["transaction_timestamp"])
    at = at if at.dt.tz is not None else at.dt.tz_localize("UTC")
    day = at.dt.tz_convert("America/New_York").dt.date
    last_receipt = day.groupby(receipts["household_id"].astype(str)).max()
    world = retailer.books.world
    panel = np.flatnonzero(world.people.kind == PANEL)
    alive_until = {
        str(card): world.days.date_of(int(last))
        for card, last in zip(
            world.people.panel_card[panel], world.people.last_day[panel], strict=True
        )
    }
    assert set(alive_until) == set(last_receipt.index)
    early = [card for card, last in last_receipt.items() if alive_until[str(card)] < last]
    assert early == []
    # Some outlive it, because the shop sees them still.
    assert any(alive_until[str(card)] > last for card, last in last_receipt.items())


def test_people_of_every_kind_do_what_their_kind_does(retailer: Retailer) -> None:
    people = retailer.truth("people").set_index("person_id")
    purchases = retailer.truth("purchases")
    kinds = purchases.assign(kind=people["kind"].reindex(purchases["person_id"]).to_numpy())
    assert set(kinds[kinds["channel"] == "store"]["kind"]) == {"card", "cardless"}
    assert set(kinds[kinds["channel"] != "store"]["kind"]) == {"panel", "card", "online"}
    seen = people["kind"].reindex(retailer.truth("sessions")["person_id"]).unique()
    assert set(seen) == {"panel", "card", "online", "prospect"}


def test_the_truth_lies_where_no_source_looks(retailer: Retailer) -> None:
    inbox_like = {path.parts[0] for path in (d.path for d in retailer.outcome.delivered)}
    assert inbox_like == {"history", "deliveries"}
    assert {path.name for path in retailer.output.iterdir()} == {*inbox_like, "truth"}
