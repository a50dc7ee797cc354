"""Write, audit, publish: what becomes of good, bad, late and repeated deliveries."""

import json
import multiprocessing
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from multiprocessing.synchronize import Event
from pathlib import Path

import pandas as pd
import pytest

from orchestration.file_lock import BusyError
from orchestration.landing.contract import Column, RowRule
from orchestration.landing.identifiers import token
from orchestration.landing.ledger import CheckRecord, Ledger, LedgerError
from orchestration.settings import DEMO_IDENTITY_KEY, load_settings
from tests.unit.landing.conftest import CONTRACTS, ObedientJudge, Shop, sale


def outcomes(report) -> dict[str, str]:
    return {item.partition: item.outcome for item in report.partitions}


def assert_accounts_balance(shop: Shop) -> None:
    for row in shop.ledger.accounting():
        assert row["physical_rows"] == row["landed_rows"] + row["quarantined_rows"]


def test_a_base_file_lands_as_one_batch_per_business_date(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1), sale(3, 3)])
    report = shop.landing("sales").land()
    assert outcomes(report) == {
        "2017-01-01": "accepted",
        "2017-01-02": "accepted",
        "2017-01-03": "accepted",
    }
    assert [item.landed_rows for item in report.partitions] == [2, 0, 1]
    assert len(shop.landed("sales")) == 3
    assert_accounts_balance(shop)


def test_a_sale_after_midnight_utc_belongs_to_the_evening_before_in_the_store(shop: Shop) -> None:
    late = sale(1, 2) | {"sold_at": datetime(2017, 1, 2, 3, 30)}
    shop.deliver("sales", [late])
    report = shop.landing("sales").land()
    assert outcomes(report) == {"2017-01-01": "accepted"}
    assert shop.landed("sales")["_business_date"].tolist() == [date(2017, 1, 1)]


def test_raw_identifiers_never_reach_landing_and_lie_in_the_vault(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1, card=4711)])
    shop.landing("sales").land()
    landed = shop.landed("sales")
    assert "card" not in landed.columns
    expected = token("loyalty_card", "4711", DEMO_IDENTITY_KEY)
    assert landed["card_token"].tolist() == [expected]
    (vault,) = shop.settings.identifiers_dir.glob("*.parquet")
    kept = pd.read_parquet(vault)
    assert kept[["raw", "token"]].to_numpy().tolist() == [["4711", expected]]
    assert vault.stat().st_mode & 0o077 == 0


def test_the_same_delivery_again_changes_nothing_and_is_recorded(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1)])
    shop.landing("sales").land()
    before = sorted(path.name for path in shop.settings.landing_dir.rglob("*.parquet"))
    report = shop.landing("sales").land([date(2017, 1, 1)])
    assert outcomes(report) == {"2017-01-01": "unchanged"}
    assert sorted(path.name for path in shop.settings.landing_dir.rglob("*.parquet")) == before
    assert shop.judge.asked == [1]


def test_the_rows_of_a_day_in_another_order_are_the_same_batch(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1)])
    shop.landing("sales").land()
    shop.deliver("sales", [sale(2, 1), sale(1, 1)], partition="2017-01-01")
    assert outcomes(shop.landing("sales").land()) == {"2017-01-01": "unchanged"}


def test_a_restated_day_replaces_the_day_and_keeps_the_old_batch(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 2)])
    shop.landing("sales").land()
    shop.deliver("sales", [sale(1, 1, amount=9)], partition="2017-01-01")
    report = shop.landing("sales").land()
    assert outcomes(report)["2017-01-01"] == "accepted"
    assert sorted(float(amount) for amount in shop.landed("sales")["amount"]) == [1.5, 9.0]
    served = shop.ledger.current("corner_shop", "sales")["2017-01-01"]
    batches = shop.ledger.accepted("corner_shop", "sales")
    (old,) = {one.file for one in batches if one.partition_key == "2017-01-01"} - {served.file}
    kept = pd.read_parquet(shop.settings.home / str(old))
    assert kept["amount"].astype(float).tolist() == [1.5, 1.5]


def test_a_base_file_does_not_come_back_when_its_correction_leaves_the_inbox(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1)])
    shop.landing("sales").land()
    correction = shop.deliver("sales", [sale(1, 1, amount=9)], partition="2017-01-01")
    shop.landing("sales").land()
    correction.unlink()
    assert outcomes(shop.landing("sales").land()) == {"2017-01-01": "unchanged"}
    assert [float(amount) for amount in shop.landed("sales")["amount"]] == [9.0]


def test_a_bad_row_is_quarantined_with_the_first_reason_that_holds(shop: Shop) -> None:
    rows = [sale(1, 1), sale(2, 1, amount=-1), sale(3, 1), sale(4, 1, card=None)]
    shop.deliver("sales", rows)
    (report,) = shop.landing("sales").land().partitions
    assert report.quarantine_reasons == (("missing_card", 1), ("negative_amount", 1))
    assert (report.landed_rows, report.quarantined_rows) == (2, 2)
    (kept,) = shop.settings.quarantine_dir.rglob("rows.parquet")
    assert sorted(pd.read_parquet(kept)["receipt"]) == [2, 4]
    assert_accounts_balance(shop)


def test_a_batch_with_too_many_bad_rows_is_refused_whole(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1, amount=-1), sale(3, 1, amount=-1)])
    (report,) = shop.landing("sales").land().partitions
    assert report.outcome == "refused"
    assert "2 of 3 rows are bad" in str(report.reason)
    assert shop.landed("sales").empty
    assert_accounts_balance(shop)


def test_a_batch_of_bad_rows_alone_is_refused_whatever_share_is_allowed(shop: Shop) -> None:
    lenient = replace(
        CONTRACTS["sales"], quarantined_share_allowed=1.0, quarantined_rows_allowed=10
    )
    shop.deliver("sales", [sale(1, 1, amount=-1), sale(2, 1, amount=-1), sale(3, 2)])
    report = shop.landing("sales", lenient).land()
    assert outcomes(report) == {"2017-01-01": "refused", "2017-01-02": "accepted"}
    (refused,) = report.refused
    assert refused.reason == "all 2 rows are bad"
    assert refused.quarantine_reasons == (("negative_amount", 2),)
    assert_accounts_balance(shop)


def test_a_renamed_column_refuses_the_batch_and_names_both_columns(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 2)])
    shop.landing("sales").land()
    broken = [{("total" if key == "amount" else key): value for key, value in sale(1, 1).items()}]
    shop.deliver("sales", broken, partition="2017-01-01")
    report = shop.landing("sales").land()
    (refused,) = report.refused
    assert refused.reason == "missing column amount (delivered instead: total)"
    assert len(shop.landed("sales")) == 2
    (card,) = shop.settings.quarantine_dir.rglob("refusal.json")
    assert json.loads(card.read_text())["partition"] == "2017-01-01"
    assert_accounts_balance(shop)


def test_an_unknown_column_is_left_out_with_a_warning(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1) | {"mood": "fine"}])
    report = shop.landing("sales").land()
    assert report.warnings == ("column mood is not in the contract and was left out",)
    assert outcomes(report) == {"2017-01-01": "accepted"}


def test_one_bad_day_of_a_range_is_refused_alone(shop: Shop) -> None:
    shop.judge.decide = lambda rows: "failed" if (rows["amount"] > 100).any() else "passed"
    shop.deliver("sales", [sale(1, 1), sale(2, 2, amount=500), sale(3, 3)])
    report = shop.landing("sales").land()
    assert outcomes(report) == {
        "2017-01-01": "accepted",
        "2017-01-02": "refused",
        "2017-01-03": "accepted",
    }
    assert shop.judge.asked == [3, 1, 1, 1]
    assert_accounts_balance(shop)


def test_a_range_that_fails_only_as_a_whole_is_refused_whole(shop: Shop) -> None:
    shop.judge.decide = lambda rows: "failed" if len(rows) > 1 else "passed"
    shop.deliver("sales", [sale(1, 1), sale(2, 2)])
    assert set(outcomes(shop.landing("sales").land()).values()) == {"refused"}


def test_days_that_break_a_range_are_judged_alone_and_the_others_again_at_once(
    shop: Shop,
) -> None:
    shop.judge.decide = lambda rows: "failed" if (rows["amount"] > 100).any() else "passed"
    shop.judge.names_days = True
    shop.deliver("sales", [sale(day, day, amount=500 if day == 4 else 5) for day in range(1, 9)])
    report = shop.landing("sales").land()
    assert [item.partition for item in report.refused] == ["2017-01-04"]
    assert shop.judge.asked == [8, 1, 7]
    assert len(shop.landed("sales")) == 7
    assert_accounts_balance(shop)


def test_a_day_that_is_named_and_holds_alone_is_no_scapegoat(shop: Shop) -> None:
    shop.judge.decide = lambda rows: "failed" if len(rows) > 1 else "passed"
    shop.judge.names_days = True
    shop.deliver("sales", [sale(1, 1, amount=500), sale(2, 2)])
    assert set(outcomes(shop.landing("sales").land()).values()) == {"refused"}


def test_a_judge_that_raises_closes_the_gate(shop: Shop) -> None:
    def broken(rows):
        raise RuntimeError("secret value 4711")

    shop.judge.decide = broken
    shop.deliver("products", [{"product": 1, "name": "tea"}])
    report = shop.landing("products").land()
    assert outcomes(report) == {"snapshot": "refused"}
    assert report.verdict is not None
    assert report.verdict.outcome == "could_not_run"
    (refusal,) = shop.ledger.open_refusals()
    assert refusal.reason == "could not run: the judge raised RuntimeError"
    assert "4711" not in report.verdict.message


def test_a_check_that_left_the_project_is_counted_no_more(shop: Shop) -> None:
    def result(check: str, engine: str) -> CheckRecord:
        said = ("critical", "failed", None, 1, None, "a test says so")
        return CheckRecord("staging", "staging/stg_sales", check, check, None, *said, engine)

    shop.ledger.record_checks("run", [result("stays", "dbt"), result("left", "dbt")])
    shop.ledger.record_checks("run", [result("expectations", "great_expectations")])
    known = {("staging/stg_sales", "stays"), ("staging/stg_sales", "expectations")}
    shop.ledger.keep_checks(known)
    assert shop.ledger.check_counts()["failed"] == 2
    assert not shop.ledger.has_closing_check("staging/stg_sales", "left")
    assert shop.ledger.has_closing_check("staging/stg_sales", "stays")
    assert shop.ledger.has_closing_check("staging/stg_sales", "expectations")


def test_a_refusal_stays_open_until_its_own_partition_is_repaired(shop: Shop) -> None:
    shop.judge.decide = lambda rows: "failed" if (rows["amount"] > 100).any() else "passed"
    shop.deliver("sales", [sale(1, 5, amount=500)], partition="2017-01-05")
    shop.landing("sales").land([date(2017, 1, 5)])
    shop.deliver("sales", [sale(2, 6)], partition="2017-01-06")
    shop.landing("sales").land([date(2017, 1, 6)])
    assert [item.partition_key for item in shop.ledger.open_refusals()] == ["2017-01-05"]
    shop.deliver("sales", [sale(1, 5, amount=5)], partition="2017-01-05")
    shop.landing("sales").land([date(2017, 1, 5)])
    assert shop.ledger.open_refusals() == ()


def test_a_file_that_is_no_parquet_is_refused_and_kept(shop: Shop) -> None:
    path = shop.deliver("sales", [sale(1, 1)], partition="2017-01-01")
    path.write_bytes(path.read_bytes()[:40])
    (report,) = shop.landing("sales").land([date(2017, 1, 1)]).partitions
    assert report.outcome == "refused"
    assert "unreadable file" in str(report.reason)
    (kept,) = shop.settings.quarantine_dir.rglob("delivered.parquet")
    assert kept.read_bytes() == path.read_bytes()


def test_a_row_of_another_day_in_a_days_file_is_quarantined(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1), sale(3, 9)], partition="2017-01-01")
    (report,) = shop.landing("sales").land([date(2017, 1, 1)]).partitions
    assert report.quarantine_reasons == (("outside_partition", 1),)


def test_rows_without_an_event_time_are_refused_under_a_name_of_their_own(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1) | {"sold_at": None}])
    report = shop.landing("sales").land()
    assert outcomes(report) == {"2017-01-01": "accepted", "undated": "refused"}
    assert_accounts_balance(shop)


def test_an_amount_finer_than_a_cent_is_not_rounded_away(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1), sale(3, 1, amount=0.125)])
    (report,) = shop.landing("sales").land().partitions
    assert report.quarantine_reasons == (("inexact_amount", 1),)


def test_a_changed_contract_judges_the_same_content_again(shop: Shop) -> None:
    shop.deliver("products", [{"product": 1, "name": "tea"}])
    shop.landing("products").land()
    shop.judge.decide = lambda _: "failed"
    stricter = replace(CONTRACTS["products"], suite_fingerprint="second")
    report = shop.landing("products", stricter).land()
    assert outcomes(report) == {"snapshot": "refused"}
    assert len(shop.landed("products")) == 1, "the last good batch stays served"


def test_an_entity_that_never_landed_has_a_typed_empty_file(shop: Shop) -> None:
    report = shop.landing("sales").land()
    assert report.partitions == ()
    empty = pd.read_parquet(
        shop.settings.landing_dir / "corner_shop" / "sales" / "empty" / "empty.parquet"
    )
    assert list(empty.columns) == [
        *("receipt", "card_token", "amount", "sold_at", "_business_date", "_batch_id")
    ]


@pytest.mark.parametrize("renamed", [True, False])
def test_a_kill_between_rename_and_ledger_is_finished_or_forgotten(
    shop: Shop, renamed: bool
) -> None:
    shop.deliver("products", [{"product": 1, "name": "tea"}])
    landing = shop.landing("products")
    landing.land()
    (batch,) = shop.ledger.current("corner_shop", "products").values()
    import sqlite3

    with sqlite3.connect(shop.settings.ledger_path) as connection:
        connection.execute("update batches set verdict = 'candidate', arrival_no = null")
    if not renamed:
        (shop.settings.home / str(batch.file)).unlink()
    landing.recover()
    assert shop.ledger.candidates("corner_shop", "products") == ()
    assert bool(shop.ledger.current("corner_shop", "products")) is renamed
    assert set(outcomes(shop.landing("products").land()).values()) <= {"accepted", "unchanged"}
    assert len(shop.landed("products")) == 1


def test_pending_names_what_is_new_and_nothing_that_is_settled(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 2)])
    landing = shop.landing("sales")
    assert [name for name, _ in landing.pending()] == ["2017-01-01", "2017-01-02"]
    landing.land()
    assert landing.pending() == []
    shop.deliver("sales", [sale(9, 2)], partition="2017-01-02")
    assert [name for name, _ in landing.pending()] == ["2017-01-02"]


def test_nothing_is_promoted_when_the_run_has_ended(shop: Shop) -> None:
    def ended() -> None:
        raise RuntimeError("run was ended")

    shop.deliver("products", [{"product": 1, "name": "tea"}])
    landing = shop.landing("products")
    landing.still_ours = ended
    with pytest.raises(RuntimeError, match="ended"):
        landing.land()
    assert shop.ledger.current("corner_shop", "products") == {}
    assert list(shop.settings.scratch_dir.iterdir()) == []


@pytest.mark.parametrize("entity", ["sales", "products"])
def test_a_base_file_that_is_issued_again_takes_its_place_back(shop: Shop, entity: str) -> None:
    first = [sale(1, 1)] if entity == "sales" else [{"product": 1, "name": "tea"}]
    wrong = [sale(2, 1)] if entity == "sales" else [{"product": 2, "name": "tea"}]
    for rows in (first, wrong, first):
        shop.deliver(entity, rows)
        assert len(shop.landing(entity).pending()) == 1
        shop.landing(entity).land()
    landed = shop.landed(entity)
    assert landed[next(iter(first[0]))].tolist() == [1]
    assert shop.landing(entity).pending() == []


def test_rows_that_get_their_time_close_the_refusal_of_the_undated(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1) | {"sold_at": None}])
    shop.landing("sales").land()
    assert [item.partition_key for item in shop.ledger.open_refusals()] == ["undated"]
    shop.deliver("sales", [sale(1, 1), sale(2, 1)])
    shop.landing("sales").land()
    assert shop.ledger.open_refusals() == ()


@pytest.mark.parametrize("place", ["2017-01-01", None], ids=["inbox", "base"])
def test_a_served_batch_that_takes_the_place_of_a_refused_one_is_judged_again(
    shop: Shop, place: str | None
) -> None:
    """Else the checks would go on telling of the refused batch after it was replaced."""
    good, bad = [sale(1, 1)], [sale(2, 1) | {"amount": -1.0}]
    for rows, outcome, asked in (
        (good, "accepted", [1]),
        (bad, "refused", [1]),
        (good, "unchanged", [1, 1]),
    ):
        shop.deliver("sales", rows, place)
        report = shop.landing("sales").land([date(2017, 1, 1)])
        assert outcomes(report) == {"2017-01-01": outcome}
        assert shop.judge.asked == asked
        assert report.verdict is not None
        assert report.verdict.passed == (outcome != "refused")
    assert shop.ledger.open_refusals() == ()
    again = shop.landing("sales").land([date(2017, 1, 1)])
    assert outcomes(again) == {"2017-01-01": "unchanged"}
    assert again.verdict is None, "nothing was refused since, so nobody is asked"


def test_a_base_file_that_cannot_be_read_is_refused_and_raises_nowhere(shop: Shop) -> None:
    path = shop.deliver("sales", [sale(1, 1)])
    shop.landing("sales").land()
    path.write_bytes(b"no parquet at all")
    landing = shop.landing("sales")
    assert [name for name, _ in landing.pending()] == ["2017-01-01"]
    assert outcomes(landing.land()) == {"2017-01-01": "refused"}
    assert len(shop.landed("sales")) == 1, "the last good batch stays served"


def test_a_file_that_is_replaced_while_it_is_judged_does_not_land(shop: Shop) -> None:
    from orchestration.sources.files import SourceError

    shop.deliver("products", [{"product": 1, "name": "tea"}])

    def swap(rows: pd.DataFrame) -> str:
        shop.deliver("products", [{"product": 666, "name": "never judged"}])
        return "passed"

    shop.judge.decide = swap
    with pytest.raises(SourceError, match="was replaced while it was read"):
        shop.landing("products").land()
    assert shop.landed("products").empty


def test_a_batch_that_was_never_announced_is_not_accepted(shop: Shop) -> None:
    shop.deliver("products", [{"product": 1, "name": "tea"}])
    shop.landing("products").land()
    (batch,) = shop.ledger.current("corner_shop", "products").values()
    with pytest.raises(LedgerError, match="never announced"):
        shop.ledger.accept([replace(batch, batch_id="unknown")], {})


@pytest.mark.parametrize("value", ["1.239", "1.5x"])
def test_text_is_not_rounded_into_money(shop: Shop, value: str) -> None:
    rows = [sale(1, 1), sale(2, 1), sale(3, 1)]
    for row in rows:
        row["amount"] = "1.50"
    rows[2]["amount"] = value
    shop.deliver("sales", rows, partition="2017-01-01")
    (report,) = shop.landing("sales").land([date(2017, 1, 1)]).partitions
    reason = "inexact_amount" if value == "1.239" else "unreadable_amount"
    assert report.quarantine_reasons == ((reason, 1),)


def test_a_date_written_another_way_is_no_silent_delivery(shop: Shop) -> None:
    from orchestration.sources.files import SourceError

    shop.deliver("sales", [sale(1, 5)], partition="20170105")
    with pytest.raises(SourceError, match="YYYY-MM-DD"):
        shop.landing("sales").land()


def _land_and_wait(
    environment: dict[str, str], folder: Path, is_judging: Event, may_go_on: Event
) -> None:
    """Land products in a process of its own, whose judge waits to be told."""

    def decide(rows: pd.DataFrame) -> str:
        is_judging.set()
        may_go_on.wait(60)
        return "passed"

    settings = load_settings(environment)
    shop = Shop(settings, Ledger(settings.ledger_path), folder, ObedientJudge(decide))
    landing = shop.landing("products")
    landing.run_id = "run-2"
    sys.exit(0 if outcomes(landing.land()) == {"snapshot": "accepted"} else 1)


def test_a_second_process_waits_for_the_landing_that_goes_on(shop: Shop) -> None:
    shop.deliver("products", [{"product": 1, "name": "tea"}])
    spawned = multiprocessing.get_context("spawn")
    is_judging, may_go_on = spawned.Event(), spawned.Event()
    other = spawned.Process(
        target=_land_and_wait,
        args=({"SHOPTHREAD_HOME": str(shop.settings.home)}, shop.folder, is_judging, may_go_on),
    )
    other.start()
    try:
        assert is_judging.wait(60)
        landing = shop.landing("products")
        landing.lock_wait_seconds = 0
        with pytest.raises(BusyError, match=rf"run run-2 \(process {other.pid}\)"):
            landing.land()
        assert len(list(shop.settings.scratch_dir.iterdir())) == 1, "its candidate is still there"
        assert shop.judge.asked == []
    finally:
        may_go_on.set()
        other.join(60)
    assert other.exitcode == 0
    assert outcomes(shop.landing("products").land()) == {"snapshot": "unchanged"}


@pytest.mark.parametrize(
    "hour, newest",
    [(4, "2026-11-23"), (5, "2026-11-24")],
    ids=["at four UTC the stores' day goes on", "at five UTC it is over"],
)
def test_an_open_calendar_ends_with_the_day_that_is_over_where_the_stores_are(
    shop: Shop, hour: int, newest: str
) -> None:
    shop.settings = load_settings(
        {"SHOPTHREAD_HOME": str(shop.settings.home), "SHOPTHREAD_LAST_DAY": ""}
    )
    shop.now = datetime(2026, 11, 25, hour, tzinfo=UTC)
    noon = [datetime(2026, 11, day, 17) for day in (23, 24, 25)]
    shop.deliver("sales", [sale(n, 1) | {"sold_at": at} for n, at in enumerate(noon)])
    landing = shop.landing("sales")
    assert [name for name, _ in landing.pending()][-1] == newest
    asked = [date(2026, 11, day) for day in (23, 24, 25)]
    assert [item.partition for item in landing.land(asked).partitions][-1] == newest


def test_a_closed_calendar_does_not_land_a_day_that_is_not_over(shop: Shop) -> None:
    shop.now = datetime(2017, 1, 2, 12, tzinfo=UTC)
    shop.deliver("sales", [sale(1, 1), sale(2, 2)])
    assert shop.landing("sales").days() == [date(2017, 1, 1)]


@pytest.mark.parametrize("change", ["expectation", "row_rule", "column"])
def test_content_that_a_changed_contract_refuses_is_condemned_where_it_is_served(
    shop: Shop, change: str
) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1), sale(3, 2, amount=200)])
    shop.landing("sales").land()
    assert shop.ledger.condemned("corner_shop", "sales") == ()
    tightened = replace(CONTRACTS["sales"], suite_fingerprint="second")
    if change == "expectation":
        shop.judge.decide = lambda rows: "failed" if (rows["amount"] > 100).any() else "passed"
    elif change == "row_rule":
        rule = RowRule("too_dear", "amount > 100")
        tightened = replace(tightened, row_rules=(*tightened.row_rules, rule))
    else:
        column = Column("till", "bigint", nullable=False)
        tightened = replace(tightened, columns=(*tightened.columns, column))
    shop.landing("sales", tightened).land()
    condemned = shop.ledger.condemned("corner_shop", "sales")
    both = ("2017-01-01", "2017-01-02")
    assert condemned == (both if change == "column" else ("2017-01-02",))


def test_a_refused_correction_condemns_nothing_that_is_served(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1)])
    shop.landing("sales").land()
    shop.deliver("sales", [sale(1, 1, amount=-1)], partition="2017-01-01")
    shop.landing("sales").land()
    assert [item.partition_key for item in shop.ledger.open_refusals()] == ["2017-01-01"]
    assert shop.ledger.condemned("corner_shop", "sales") == ()


def refuse_day_five(shop: Shop) -> None:
    """Day 5 landed once; its correction, too dear for the judge, was refused."""
    shop.judge.decide = lambda rows: "failed" if (rows["amount"] > 100).any() else "passed"
    shop.deliver("sales", [sale(1, 5)])
    shop.landing("sales").land()
    shop.deliver("sales", [sale(1, 5, amount=500)], partition="2017-01-05")
    assert outcomes(shop.landing("sales").land()) == {"2017-01-05": "refused"}


def waive_day_five(shop: Shop) -> None:
    shop.ledger.waive("corner_shop", "sales", "2017-01-05", "the till was broken")


def test_a_waived_refusal_is_closed_and_its_reason_and_rows_are_kept(shop: Shop) -> None:
    refuse_day_five(shop)
    (refusal,) = shop.ledger.open_refusals()
    kept = sorted(shop.settings.quarantine_dir.rglob("*"))
    waive_day_five(shop)
    assert shop.ledger.open_refusals() == ()
    (waiver,) = shop.ledger.standing_waivers()
    assert (waiver.batch_id, waiver.rows) == (refusal.batch_id, 1)
    assert (waiver.reason, waiver.because) == (refusal.reason, "the till was broken")
    assert waiver.waived_at >= waiver.refused_at == refusal.refused_at
    assert sorted(shop.settings.quarantine_dir.rglob("*")) == kept
    assert_accounts_balance(shop)


def test_a_waived_delivery_is_not_judged_again_and_nothing_waits(shop: Shop) -> None:
    refuse_day_five(shop)
    waive_day_five(shop)
    asked = list(shop.judge.asked)
    assert shop.landing("sales").pending() == []
    assert outcomes(shop.landing("sales").land()) == {"2017-01-05": "waived"}
    assert shop.judge.asked == asked
    assert shop.ledger.open_refusals() == ()
    assert [float(amount) for amount in shop.landed("sales")["amount"]] == [1.5]


@pytest.mark.parametrize("amount, outcome", [(700, "refused"), (7, "accepted")])
def test_another_delivery_for_a_waived_partition_is_judged_as_always(
    shop: Shop, amount: float, outcome: str
) -> None:
    refuse_day_five(shop)
    waive_day_five(shop)
    shop.deliver("sales", [sale(1, 5, amount=amount)], partition="2017-01-05")
    assert outcomes(shop.landing("sales").land()) == {"2017-01-05": outcome}
    assert shop.ledger.standing_waivers() == ()
    assert len(shop.ledger.open_refusals()) == (outcome == "refused")


def test_a_changed_contract_judges_a_waived_delivery_again(shop: Shop) -> None:
    refuse_day_five(shop)
    waive_day_five(shop)
    other = replace(CONTRACTS["sales"], suite_fingerprint="second")
    assert outcomes(shop.landing("sales", other).land()) == {"2017-01-05": "refused"}
    assert len(shop.ledger.open_refusals()) == 1
    assert shop.ledger.standing_waivers() == ()


def test_waived_rows_without_a_time_stay_waived_when_other_days_arrive(shop: Shop) -> None:
    undated = sale(9, 1) | {"sold_at": None}
    shop.deliver("sales", [sale(1, 1), undated])
    shop.landing("sales").land()
    shop.ledger.waive("corner_shop", "sales", "undated", "a known fault of the export")
    shop.deliver("sales", [sale(1, 1), undated, sale(2, 2)])
    report = shop.landing("sales").land()
    assert outcomes(report) == {
        "2017-01-01": "unchanged",
        "2017-01-02": "accepted",
        "undated": "waived",
    }
    assert shop.ledger.open_refusals() == ()


def test_served_content_that_is_condemned_can_be_waived_and_stays_waived(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 5, amount=500)])
    shop.landing("sales").land()
    shop.judge.decide = lambda rows: "failed" if (rows["amount"] > 100).any() else "passed"
    for fingerprint in ("second", "third"):
        tightened = replace(CONTRACTS["sales"], suite_fingerprint=fingerprint)
        assert outcomes(shop.landing("sales", tightened).land()) == {"2017-01-05": "refused"}
    waive_day_five(shop)
    assert shop.ledger.condemned("corner_shop", "sales") == ()
    assert outcomes(shop.landing("sales", tightened).land()) == {"2017-01-05": "waived"}
    assert len(shop.ledger.standing_waivers()) == 1


def test_only_an_open_refusal_can_be_waived(shop: Shop) -> None:
    refuse_day_five(shop)
    with pytest.raises(LedgerError, match="2017-01-06 has no open refusal; nothing was waived"):
        shop.ledger.waive("corner_shop", "sales", "2017-01-06", "the till was broken")
    waive_day_five(shop)
    with pytest.raises(LedgerError, match="no open refusal"):
        waive_day_five(shop)
    assert len(shop.ledger.standing_waivers()) == 1


def test_files_of_single_days_are_judged_in_one_pass(shop: Shop) -> None:
    for day in range(1, 6):
        shop.deliver("sales", [sale(10 * day, day), sale(10 * day + 1, day)], f"2017-01-0{day}")
    report = shop.landing("sales").land()
    assert set(outcomes(report).values()) == {"accepted"}
    assert [item.landed_rows for item in report.partitions] == [2] * 5
    assert shop.judge.asked == [10]
    assert_accounts_balance(shop)


def test_a_broken_file_among_files_of_single_days_is_refused_alone(shop: Shop) -> None:
    for day in (1, 2, 4):
        shop.deliver("sales", [sale(day, day)], f"2017-01-0{day}")
    renamed = shop.deliver("sales", [sale(3, 3)], "2017-01-03")
    pd.read_parquet(renamed).rename(columns={"amount": "price"}).to_parquet(renamed, index=False)
    cut = shop.deliver("sales", [sale(5, 5)], "2017-01-05")
    cut.write_bytes(cut.read_bytes()[:-9])
    report = shop.landing("sales").land()
    assert outcomes(report) == {
        "2017-01-01": "accepted",
        "2017-01-02": "accepted",
        "2017-01-03": "refused",
        "2017-01-04": "accepted",
        "2017-01-05": "refused",
    }
    reasons = {item.partition: str(item.reason) for item in report.refused}
    assert "missing column amount" in reasons["2017-01-03"]
    assert "unreadable file" in reasons["2017-01-05"]
    for name in ("2017-01-03", "2017-01-05"):
        kept = list((shop.settings.quarantine_dir / "corner_shop/sales" / name).rglob("*.parquet"))
        assert [path.name for path in kept] == ["delivered.parquet"]
    assert_accounts_balance(shop)


def test_each_file_of_a_pass_keeps_its_own_bad_rows(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1), sale(2, 1, amount=-1)], "2017-01-01")
    shop.deliver("sales", [sale(3, 2, amount=-2), sale(4, 2), sale(5, 1)], "2017-01-02")
    with_limit = replace(CONTRACTS["sales"], quarantined_rows_allowed=2)
    report = shop.landing("sales", with_limit).land()
    assert outcomes(report) == {"2017-01-01": "accepted", "2017-01-02": "accepted"}
    kept = {}
    for day in ("2017-01-01", "2017-01-02"):
        (path,) = (shop.settings.quarantine_dir / "corner_shop/sales" / day).rglob("rows.parquet")
        rows = pd.read_parquet(path)
        assert "_delivered_for" not in rows.columns
        kept[day] = sorted(zip(rows["receipt"], rows["_reason"], rows["_row"], strict=True))
    assert kept == {
        "2017-01-01": [(2, "negative_amount", 1)],
        "2017-01-02": [(3, "negative_amount", 0), (5, "outside_partition", 2)],
    }
    assert_accounts_balance(shop)


def test_files_of_single_days_with_other_types_land_as_well(shop: Shop) -> None:
    shop.deliver("sales", [sale(1, 1)], "2017-01-01")
    texts = shop.deliver("sales", [sale(2, 2)], "2017-01-02")
    frame = pd.read_parquet(texts)
    frame.astype({"receipt": "string"}).to_parquet(texts, index=False)
    report = shop.landing("sales").land()
    assert outcomes(report) == {"2017-01-01": "accepted", "2017-01-02": "accepted"}
    assert sorted(shop.landed("sales")["receipt"]) == [1, 2]
    assert len(shop.judge.asked) == 2


def _counts(day: int, pieces: int | None) -> dict[str, object]:
    return {"counted_on": None if not day else date(2017, 1, day), "pieces": pieces}


@pytest.mark.parametrize("dropped", [False, True], ids=["base_file", "files_of_days"])
def test_a_row_may_say_its_business_date_itself(shop: Shop, dropped: bool) -> None:
    rows = [_counts(2, 5), _counts(2, 6), _counts(3, 7)]
    if dropped:
        shop.deliver("counts", rows[:2], "2017-01-02")
        shop.deliver("counts", rows[2:], "2017-01-03")
    else:
        shop.deliver("counts", rows)
    report = shop.landing("counts").land()
    assert outcomes(report) == {"2017-01-02": "accepted", "2017-01-03": "accepted"}
    landed = shop.landed("counts").sort_values("pieces")
    assert landed["_business_date"].tolist() == [date(2017, 1, d) for d in (2, 2, 3)]
    assert_accounts_balance(shop)


def test_a_row_without_its_business_date_is_refused_under_a_name_of_its_own(shop: Shop) -> None:
    shop.deliver("counts", [_counts(2, 5), _counts(0, 6)])
    report = shop.landing("counts").land()
    assert outcomes(report) == {"2017-01-02": "accepted", "undated": "refused"}
    (refused,) = report.refused
    assert "no counted_on" in str(refused.reason)
    assert_accounts_balance(shop)
