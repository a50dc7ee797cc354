"""How files arrive: late, again, restated, spoiled; and what of it the truth tells."""

import hashlib
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.demo.calendar_days import SHOP_ZONE
from orchestration.demo.columns import Rows, texts
from orchestration.demo.deliveries import DeliveryWriter, hand_over
from orchestration.demo.feeds import Feed
from orchestration.demo.incidents import (
    CHECKOUT_OUTAGE,
    CONFLICTING_OFFERS,
    DAY_LATE,
    FILE_TWICE,
    HALF_DAY,
    NULL_SPIKE,
    RENAMED_COLUMN,
    VOLUME_SPIKE,
    Incident,
)
from orchestration.demo.retailer import ALL_FEEDS
from orchestration.demo.session_book import WEB
from orchestration.sources.manifests import read_manifest
from tests.unit.demo.conftest import Retailer


def the(retailer: Retailer, kind: str) -> Incident:
    return retailer.books.world.incidents.of_kind(kind)[0]


def versions(retailer: Retailer, incident: Incident) -> list[pd.DataFrame]:
    day = retailer.books.world.days.date_of(incident.day).isoformat()
    files = retailer.files(incident.source, incident.entity)
    return [retailer.read(file) for file in files if file.partition == day]


def test_clean_runs_have_no_incident(clean: Retailer) -> None:
    assert len(clean.truth("incidents")) == 0
    assert {d.why for d in clean.outcome.delivered} == {"history", "first", "restated", "snapshot"}
    for delivered in clean.outcome.delivered:
        if delivered.why == "first" and delivered.delivered_on:
            waited = delivered.delivered_on - date.fromisoformat(delivered.partition)
            assert waited.days == 1


def test_every_incident_is_told(retailer: Retailer) -> None:
    told = Counter(retailer.truth("incidents")["kind"])
    assert told == {
        DAY_LATE: 3, FILE_TWICE: 1, RENAMED_COLUMN: 1, NULL_SPIKE: 1, HALF_DAY: 1, VOLUME_SPIKE: 1,
        "stock_split": 1, CONFLICTING_OFFERS: 1, CHECKOUT_OUTAGE: 1,
    }  # fmt: skip
    files = retailer.truth("deliveries")
    spoiled = set(files["why"]) - {"history", "first", "restated", "snapshot"}
    assert spoiled == {*told, "repeated", "corrected"} - {
        "stock_split", CONFLICTING_OFFERS, CHECKOUT_OUTAGE,
    }  # fmt: skip


def test_a_day_is_late(retailer: Retailer) -> None:
    incident = the(retailer, DAY_LATE)
    day = retailer.books.world.days.date_of(incident.day)
    for entity in ("transactions", "transaction_lines", "tenders"):
        (file,) = [
            f for f in retailer.files(incident.source, entity) if f.partition == day.isoformat()
        ]
        assert file.delivered_on is not None
        assert (file.delivered_on - day).days == 2
        assert len(retailer.read(file))


def test_a_file_arrives_twice(retailer: Retailer) -> None:
    incident = the(retailer, FILE_TWICE)
    day = retailer.books.world.days.date_of(incident.day).isoformat()
    first, again = [
        f for f in retailer.files(incident.source, incident.entity) if f.partition == day
    ]
    assert (retailer.output / first.path).read_bytes() == (
        retailer.output / again.path
    ).read_bytes()
    assert first.delivered_on != again.delivered_on


def test_a_column_is_renamed_and_corrected(retailer: Retailer) -> None:
    wrong, right = versions(retailer, the(retailer, RENAMED_COLUMN))
    assert "variant_sku" in wrong.columns
    assert "sku" not in wrong.columns
    pd.testing.assert_frame_equal(wrong.rename(columns={"variant_sku": "sku"}), right)


def test_nulls_are_a_third_and_then_gone(retailer: Retailer) -> None:
    first, *_, last = versions(retailer, the(retailer, NULL_SPIKE))
    spoiled = first["user_pseudo_id"].isna().mean() - last["user_pseudo_id"].isna().mean()
    assert spoiled == pytest.approx(0.3 * last["user_pseudo_id"].notna().mean(), abs=0.05)
    agrees = last["privacy_info_analytics_storage"] == "Yes"
    assert (last["user_pseudo_id"].notna() == agrees).all()


def test_half_a_day_is_the_first_half(retailer: Retailer) -> None:
    half, whole = versions(retailer, the(retailer, HALF_DAY))
    assert len(half) == len(whole) // 2
    first = whole[half.columns].head(len(half))
    pd.testing.assert_frame_equal(half, first, check_dtype=False)


def test_robots_send_four_times_the_usual(retailer: Retailer) -> None:
    spoiled = versions(retailer, the(retailer, VOLUME_SPIKE))[-1]
    robots = spoiled["anonymousId"].str.startswith("robot")
    assert robots.sum() == 4 * (~robots).sum()
    assert not spoiled.duplicated("messageId").any()


def values_of(events: pd.DataFrame) -> set[str]:
    """Every value that could name a person, an order or a session."""
    nested = [
        events[name].map(lambda found: found or {}) for name in ("context", "traits", "properties")
    ]
    context, traits, properties = nested
    found = [events[name] for name in ("messageId", "anonymousId", "userId")]
    found += [context.map(lambda c: c.get("device", {}).get("token", ""))]
    found += [traits.map(lambda t, n=name: t.get(n, "")) for name in ("email", "phone")]
    found += [properties.map(lambda p, n=name: p.get(n, "")) for name in ("session_id", "order_id")]
    return {str(value) for column in found for value in column} - {""}


def test_robots_have_only_values_of_their_own(retailer: Retailer) -> None:
    events = retailer.table("synthetic_app", "events")
    is_robot = events["anonymousId"].str.startswith("robot")
    robots = events[is_robot]
    assert len(robots)
    assert not values_of(robots) & values_of(events[~is_robot])
    written = " ".join(map(str, robots.to_dict("records")))
    assert "@" not in written
    assert "order_id" not in written
    truth = retailer.truth("identifiers")
    nobodys = set(truth[truth["ownership"] == "robot"]["value"])
    tokens = {context["device"]["token"] for context in robots["context"]}
    assert nobodys == set(robots["anonymousId"]) | tokens


def test_offers_conflict_only_where_planted(retailer: Retailer, clean: Retailer) -> None:
    def conflicts(run: Retailer) -> int:
        offers = [(c.day, c.department) for c in run.books.world.campaigns if c.offer]
        return len(offers) - len(set(offers))

    assert conflicts(retailer) == 1
    assert conflicts(clean) == 0


def test_checkouts_fail_on_the_day_of_the_outage(retailer: Retailer) -> None:
    """Who tries begins to pay, does not order, and leaves an abandoned checkout."""
    world, sessions = retailer.books.world, retailer.books.sessions
    outage = the(retailer, CHECKOUT_OUTAGE).day
    failed = sessions.is_failed
    assert set(sessions.day[failed]) == {outage}
    assert (sessions.order[failed] == -1).all()
    tried = failed | (sessions.order >= 0)
    share = failed.sum() / (tried & (sessions.day == outage)).sum()
    assert share == pytest.approx(
        0.6, abs=4 * (0.24 / (tried & (sessions.day == outage)).sum()) ** 0.5
    )
    day = world.days.date_of(outage)
    measured = failed & sessions.is_measured & (sessions.platform == WEB)
    web = retailer.table("synthetic_web", "events")
    web = web[web["event_date"] == day.strftime("%Y%m%d")]
    by_session = web.groupby("param_ga_session_id")["event_name"].agg(set)
    stuck = {str(start) for start in sessions.start[measured]}
    assert stuck
    for start in stuck:
        assert {"begin_checkout", "add_payment_info"} <= by_session[start]
        assert "purchase" not in by_session[start]
    left = retailer.table("synthetic_shop", "abandoned_checkouts")
    on_day = (business_dates(left["created_at"]) == day.isoformat()).sum()
    assert on_day >= failed.sum()
    told = retailer.truth("sessions")
    assert (told["is_failed_checkout"] == "true").sum() == failed.sum()


def test_a_snapshot_without_rows_arrives_on_its_own_morning(
    clean: Retailer, tmp_path: Path
) -> None:
    """It replaces the one of the week before and leaves the history alone."""
    size, world = clean.books.world.size, clean.books.world
    feed = next(f for f in ALL_FEEDS if (f.source, f.entity) == ("synthetic_loyalty", "vouchers"))
    one = texts(["V1"])
    with DeliveryWriter(tmp_path, size, world.days, world.incidents, world.streams) as writer:
        for day, column in ((size.daily_from - 1, one), (size.daily_from + 6, one.slice(0, 0))):
            writer.accept(feed, Rows.of_snapshot({"voucher_id": column}, day))
    first, second = writer.delivered
    assert (first.delivered_on, first.file.rows) == (None, 1)
    assert second.delivered_on == world.days.date_of(size.daily_from + 7)
    assert (tmp_path / second.path).read_text().splitlines() == ["voucher_id"]
    assert (tmp_path / first.path).read_text().splitlines() == ["voucher_id", '"V1"']
    with (
        pytest.raises(ValueError, match="synthetic_loyalty/vouchers: a snapshot says no day"),
        DeliveryWriter(tmp_path, size, world.days, world.incidents, world.streams) as writer,
    ):
        writer.accept(feed, Rows({"voucher_id": one}, np.zeros(1, dtype=np.int64)))


def test_web_days_are_restated_with_what_came_late(clean: Retailer) -> None:
    files = [f for f in clean.files("synthetic_web", "events") if f.partition != "history"]
    for day in sorted({f.partition for f in files})[:5]:
        rows = [f.file.rows for f in files if f.partition == day]
        mornings = [f.delivered_on for f in files if f.partition == day]
        assert len(rows) == 3
        assert mornings == sorted(set(mornings), key=str)
        assert rows[0] <= rows[1] <= rows[2]
    assert (
        sum(f.file.rows for f in files if f.why == "first")
        < sum(f.file.rows for f in files if f.why == "restated") / 2
    )


def test_every_day_of_the_window_arrives_even_when_nothing_happened(clean: Retailer) -> None:
    size = clean.books.world.size
    for feed in clean.outcome.totals:
        if feed.is_daily:
            days = {f.partition for f in clean.files(feed.source, feed.entity)} - {"history"}
            assert len(days) == size.daily_days


def test_an_inbox_holds_what_arrived_until_a_morning(retailer: Retailer, tmp_path: Path) -> None:
    until = date(2017, 3, 20)
    count = hand_over(retailer.output, tmp_path, until)
    arrived = [d for d in retailer.outcome.delivered if d.delivered_on and d.delivered_on <= until]
    assert count == len(arrived)
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    manifests = {name for name in names if name.endswith(".manifest.json")}
    names -= manifests
    assert names == {"/".join(d.path.parts[2:]) for d in arrived}
    assert manifests == {f"{d.source}/{d.entity}/{d.partition}.manifest.json" for d in arrived}
    assert not [name for name in names if "truth" in name or name.endswith(".part")]
    last = max(
        (d for d in arrived if d.source == "synthetic_web"),
        key=lambda d: (d.partition == "2017-03-15", str(d.delivered_on)),
    )
    inbox_file = tmp_path.joinpath(*last.path.parts[2:])
    assert inbox_file.read_bytes() == (retailer.output / last.path).read_bytes()
    told = read_manifest(inbox_file.with_name("2017-03-15.manifest.json"))
    assert told.sha256 == hashlib.sha256(inbox_file.read_bytes()).hexdigest()
    assert told.records == last.file.rows
    assert hand_over(retailer.output, tmp_path) > count


def test_a_later_delivery_of_a_day_says_a_higher_version(clean: Retailer) -> None:
    of_a_day = [
        d
        for d in clean.outcome.delivered
        if (d.source, d.entity, d.partition) == ("synthetic_web", "events", "2017-03-15")
    ]
    versions = [
        read_manifest((clean.output / d.path).with_name("2017-03-15.manifest.json")).version
        for d in sorted(of_a_day, key=lambda d: str(d.delivered_on))
    ]
    assert len(versions) > 1
    assert versions == sorted(set(versions))


def test_every_declared_feed_delivers_and_no_other(clean: Retailer) -> None:
    assert set(ALL_FEEDS) == set(clean.outcome.totals)
    assert len({(feed.source, feed.entity) for feed in ALL_FEEDS}) == len(ALL_FEEDS)


@pytest.mark.parametrize("feed", ALL_FEEDS, ids=lambda f: f"{f.source}/{f.entity}")
def test_keys_are_keys_and_files_hold_their_date(retailer: Retailer, feed: Feed) -> None:
    """What a contract will declare is true: over all dates, and for each file."""
    key = list(feed.key)
    if not feed.is_daily:
        snapshot = retailer.read(retailer.files(feed.source, feed.entity)[-1])
        assert len(snapshot)
        assert not snapshot.duplicated(key).any()
        return
    table = retailer.table(feed.source, feed.entity)
    assert len(table)
    assert not table.duplicated(key).any()
    dated = [
        retailer.read(file)[[feed.dated_by]].assign(partition=file.partition)
        for file in retailer.files(feed.source, feed.entity)
        if file.partition != "history" and file.file.rows
    ]
    rows = pd.concat(dated, ignore_index=True)
    assert (business_dates(rows[feed.dated_by]) == rows["partition"]).all()


def business_dates(column: pd.Series) -> pd.Series:
    text = column.astype(str)
    if (text.str.len() == len("2017-03-12")).all():
        return text
    utc = pd.to_datetime(text.str.replace("Z", ""), format="ISO8601").dt.tz_localize("UTC")
    return utc.dt.tz_convert(SHOP_ZONE).dt.strftime("%Y-%m-%d")
