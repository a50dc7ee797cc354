"""What people are told of the ledger, read from a ledger that landing's own class wrote."""

from datetime import date
from pathlib import Path

import pytest

from orchestration.cli._ledger_view import LedgerView
from orchestration.landing.ledger import Batch, CheckRecord, Ledger
from orchestration.settings import Settings, load_settings
from orchestration.sources.config import SourceConfig, load_sources


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SHOPTHREAD_HOME": str(tmp_path)})


@pytest.fixture
def sources(settings: Settings) -> tuple[SourceConfig, ...]:
    return load_sources(settings.sources_dir)


def batch(day: str, name: str, rows: int = 10, bad: int = 0, entity: str = "transactions") -> Batch:
    return Batch(
        batch_id=name,
        source_key="complete_journey",
        vendor="complete_journey",
        entity=entity,
        partition_key=day,
        content_hash=name,
        version_rule="arrival",
        verdict="candidate",
        physical_rows=rows,
        landed_rows=rows - bad,
        quarantined_rows=bad,
        schema_fingerprint="s",
        contract_fingerprint="c",
        delivery_fingerprint="d",
        file=None,
        reason=None,
        data_origin="panel",
        run_id="run-1",
    )


def accept(ledger: Ledger, item: Batch) -> None:
    ledger.begin([item], {})
    ledger.accept([item], {})


def test_a_ledger_that_does_not_exist_is_empty_and_stays_so(
    settings: Settings, sources: tuple[SourceConfig, ...]
) -> None:
    view = LedgerView(settings.ledger_path)
    states = view.entities(settings, sources)
    assert {(item.source_key, item.entity) for item in states} == {
        (source.source, entity.name) for source in sources for entity in source.entities
    }
    assert {item.state for item in states} == {"missing"}
    assert view.check_counts().passed == 0
    assert view.open_refusals() == ()
    assert view.candidates() == 0
    assert not settings.ledger_path.exists()


def test_rows_of_superseded_batches_are_delivered_and_not_served(
    settings: Settings, sources: tuple[SourceConfig, ...]
) -> None:
    ledger = Ledger(settings.ledger_path)
    accept(ledger, batch("2017-01-01", "a", rows=10, bad=1))
    accept(ledger, batch("2017-01-01", "b", rows=12))
    accept(ledger, batch("2017-01-02", "c", rows=5))
    state = LedgerView(settings.ledger_path).entities(settings, sources)[0]
    assert (state.entity, state.state, state.newest) == ("transactions", "fresh", "2017-01-02")
    assert (state.physical_rows, state.landed_rows, state.quarantined_rows) == (27, 26, 1)
    assert state.served_rows == 17
    assert state.is_balanced


def test_a_refused_day_makes_its_entity_stale_and_names_the_reason(
    settings: Settings, sources: tuple[SourceConfig, ...]
) -> None:
    ledger = Ledger(settings.ledger_path)
    accept(ledger, batch("2017-01-01", "a"))
    ledger.refuse(batch("2017-01-03", "x", rows=9), "30 % lack a card", {"missing_reference": 3})
    view = LedgerView(settings.ledger_path)
    state = view.entities(settings, sources)[0]
    assert (state.state, state.lag_days, state.refused_batches) == ("stale", 2, 1)
    assert [item.reason for item in state.refusals] == ["30 % lack a card"]
    assert state.refusals[0].rows_by_reason == (("missing_reference", 3),)
    assert view.days_with_rows("complete_journey", "transactions") == {date(2017, 1, 1)}
    accept(ledger, batch("2017-01-03", "y"))
    assert view.open_refusals() == ()
    assert view.entities(settings, sources)[0].state == "fresh"


def test_age_is_judged_at_the_given_date(
    settings: Settings, sources: tuple[SourceConfig, ...]
) -> None:
    accept(Ledger(settings.ledger_path), batch("2017-01-01", "a"))
    later = settings.model_copy(update={"as_of": date(2017, 1, 11)})
    state = LedgerView(settings.ledger_path).entities(later, sources)[0]
    assert (state.state, state.lag_days) == ("stale", 10)


def test_an_announced_batch_of_a_killed_run_is_counted(settings: Settings) -> None:
    Ledger(settings.ledger_path).begin([batch("2017-01-01", "a")], {})
    assert LedgerView(settings.ledger_path).candidates() == 1


def test_a_warning_is_told_apart_from_a_check_that_closes_a_gate(settings: Settings) -> None:
    def record(name: str, severity: str, outcome: str) -> CheckRecord:
        return CheckRecord(
            layer="landing",
            asset="landing/a/b",
            check_name="contract",
            expectation=name,
            column_name=None,
            severity=severity,
            outcome=outcome,
            evaluated_rows=10,
            unexpected_rows=1,
            observed=None,
            because="measured (2026-11)",
            engine="great_expectations",
        )

    Ledger(settings.ledger_path).record_checks(
        "run-1",
        [
            record("one", "critical", "passed"),
            record("two", "warning", "failed"),
            record("three", "critical", "could_not_run"),
        ],
    )
    view = LedgerView(settings.ledger_path)
    counts = view.check_counts()
    assert (counts.passed, counts.failed, counts.could_not_run, counts.warnings) == (1, 1, 1, 1)
    assert [item.expectation for item in view.failed_checks()] == ["three", "two"]


def test_what_one_run_brought_is_told_by_its_deliveries(settings: Settings) -> None:
    ledger = Ledger(settings.ledger_path)
    accept(ledger, batch("2017-01-01", "a", rows=10))
    ledger.repeat([batch("2017-01-01", "a")])
    ledger.refuse(batch("2017-01-02", "x"), "bad", {})
    landed = LedgerView(settings.ledger_path).landing_of("run-1")
    assert (landed.accepted, landed.unchanged, landed.refused, landed.new_rows) == (1, 1, 1, 10)
    assert LedgerView(settings.ledger_path).landing_of("run-2").accepted == 0
