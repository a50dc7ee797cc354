"""One freshness rule: the landing check, `status` and the mart answer alike on every case.

Each case is an entity of one made-up source whose ledger the product's own class wrote.
The mart is built by dbt from that ledger's export.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.cli._ledger_view import LedgerView
from orchestration.components.source import freshness_check
from orchestration.landing.ledger import Batch, Ledger
from orchestration.settings import Settings, apply_environment, load_settings
from orchestration.sources.config import SourceConfig
from orchestration.sources.files import SNAPSHOT, UNDATED
from orchestration.warehouse.dbt_process import NodeResult, Order, build
from orchestration.warehouse.manifest import DbtManifest

SOURCE = "till"
MART = "model.shopthread.dq_freshness"


@dataclass(frozen=True)
class Case:
    """What one entity delivered: partition -> day of its delivery, and what was refused."""

    says: str
    accepted: Mapping[str, str]
    state: str
    lag_days: int | None
    refused: Sequence[str] = ()
    partitioned: bool = True
    required: bool = False
    repeated: str | None = None
    """Day on which everything was delivered again, unchanged."""


CASES = {
    "slowest": Case(
        "the slowest required entity is at the as-of date",
        {"2026-03-09": "2026-03-10", "2026-03-10": "2026-03-11"},
        *("fresh", 0),
        required=True,
    ),
    "ahead": Case(
        "a required entity that is ahead of it is not late",
        {"2026-03-12": "2026-03-13"},
        *("fresh", 0),
        required=True,
    ),
    "two_days": Case("48 hours are allowed", {"2026-03-08": "2026-03-09"}, "fresh", 2),
    "three_days": Case("72 hours are not", {"2026-03-07": "2026-03-09"}, "stale", 3),
    "hole": Case(
        "an older day that is refused makes an entity stale although its newest day is there",
        {"2026-03-10": "2026-03-11"},
        *("stale", 0),
        refused=["2026-03-05"],
    ),
    "next_refused": Case(
        "a day that was offered and refused is a day behind, also after the as-of date",
        {"2026-03-10": "2026-03-11"},
        *("stale", 1),
        refused=["2026-03-11", "2026-03-04"],
    ),
    "undated_refused": Case(
        "refused rows without a day make an entity stale",
        {"2026-03-10": "2026-03-11"},
        *("stale", 0),
        refused=[UNDATED],
    ),
    "never": Case("nothing delivered is missing", {}, "missing", None),
    "first_refused": Case(
        "nothing accepted is missing, not stale", {}, "missing", None, refused=["2026-03-10"]
    ),
    "snapshot": Case(
        "a snapshot is as new as its delivery",
        {SNAPSHOT: "2026-03-09"},
        *("fresh", 1),
        partitioned=False,
    ),
    "old_snapshot": Case(
        "a snapshot nobody delivered again grows old",
        {SNAPSHOT: "2026-03-03"},
        *("stale", 7),
        partitioned=False,
    ),
    "repeated_snapshot": Case(
        "a snapshot that came again unchanged is new",
        {SNAPSHOT: "2026-03-03"},
        *("fresh", 0),
        partitioned=False,
        repeated="2026-03-10",
    ),
    "refused_snapshot": Case(
        "a snapshot whose newest delivery was refused is stale",
        {SNAPSHOT: "2026-03-10"},
        *("stale", 0),
        refused=[SNAPSHOT],
        partitioned=False,
    ),
    "late_snapshot": Case(
        "what arrived after the as-of date is not late",
        {SNAPSHOT: "2026-11-23"},
        *("fresh", 0),
        partitioned=False,
    ),
}

Answers = dict[str, tuple[str, int | None]]
EXPECTED: Answers = {name: (case.state, case.lag_days) for name, case in CASES.items()}


def configured(cases: Mapping[str, Case]) -> SourceConfig:
    return SourceConfig.model_validate(
        {
            "source": SOURCE,
            "vendor": SOURCE,
            "description": "A till that exists only here.",
            "owner": "commerce",
            "data_origin": "synthetic",
            "lawful_basis": "none_needed",
            "cadence": "daily",
            "time_zone": "America/New_York",
            "reader": {"kind": "folder", "path": "nowhere"},
            "entities": [
                {
                    "name": name,
                    "description": case.says,
                    "channel": "store",
                    "partitioned": case.partitioned,
                    "event_column": "at" if case.partitioned else None,
                    "required": case.required,
                    "max_age_hours": 48,
                }
                for name, case in cases.items()
            ],
        }
    )


def batch(entity: str, partition: str, content: str) -> Batch:
    return Batch(
        batch_id=f"{entity}-{partition}-{content}",
        source_key=SOURCE,
        vendor=SOURCE,
        entity=entity,
        partition_key=partition,
        content_hash=content,
        version_rule="arrival",
        verdict="candidate",
        physical_rows=1,
        landed_rows=1,
        quarantined_rows=0,
        schema_fingerprint="s",
        contract_fingerprint="c",
        delivery_fingerprint=content,
        file=None,
        reason=None,
        data_origin="synthetic",
        run_id="run-1",
    )


def write_ledger(settings: Settings, cases: Mapping[str, Case]) -> Ledger:
    """Deliver every case; only the clock of the deliveries is set by hand."""
    ledger = Ledger(settings.ledger_path)
    with sqlite3.connect(settings.ledger_path) as clock:
        for entity, case in cases.items():
            for partition, day in case.accepted.items():
                item = batch(entity, partition, "good")
                ledger.begin([item], {})
                ledger.accept([item], {})
                for table in ("batches", "deliveries"):
                    clock.execute(
                        f"update {table} set delivered_at = ? where batch_id = ?",
                        (f"{day}T05:00:00.000000+00:00", item.batch_id),
                    )
                clock.commit()
                if case.repeated is not None:
                    ledger.repeat([item])
                    clock.execute(
                        "update deliveries set delivered_at = ?"
                        " where batch_id = ? and outcome = 'unchanged'",
                        (f"{case.repeated}T05:00:00.000000+00:00", item.batch_id),
                    )
                    clock.commit()
            for partition in case.refused:
                ledger.refuse(batch(entity, partition, "bad"), "lacks cards", {})
    return ledger


def of_the_check(settings: Settings, ledger: Ledger, source: SourceConfig) -> Answers:
    answers: Answers = {}
    for entity in source.entities:
        result = freshness_check(settings, ledger, source, entity, [source])
        state, lag = result.metadata["state"].value, result.metadata.get("lag_days")
        assert isinstance(state, str)
        assert result.passed == (state == "fresh")
        assert (result.description or "").startswith(f"{state}: ")
        lag_days = None if lag is None else lag.value
        assert lag_days is None or isinstance(lag_days, int)
        answers[entity.name] = (state, lag_days)
    return answers


def of_status(settings: Settings, source: SourceConfig) -> Answers:
    return {
        item.entity: (item.state, item.lag_days)
        for item in LedgerView(settings.ledger_path).entities(settings, [source])
    }


def of_the_mart(
    settings: Settings, ledger: Ledger, source: SourceConfig, manifest: DbtManifest
) -> Answers:
    ledger.export_books(settings.ledger_export_dir, [source], settings.as_of)
    results: list[NodeResult] = []
    build(settings, manifest, Order(models_before(manifest, MART), []), results.append)
    assert [item.unique_id for item in results if item.failed] == []
    with duckdb.connect(
        str(settings.warehouse_path), config={"file_search_path": str(settings.home)}
    ) as connection:
        rows = connection.execute(
            "select entity, freshness_state, lag_days from quality.dq_freshness"
        ).fetchall()
    return {entity: (state, lag) for entity, state, lag in rows}


def models_before(manifest: DbtManifest, unique_id: str) -> list[str]:
    nodes = manifest.content["nodes"]
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        one = waiting.pop()
        if one in nodes and one not in found:
            found.add(one)
            waiting += nodes[one]["depends_on"]["nodes"]
    return sorted(found)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SHOPTHREAD_HOME", str(tmp_path / "var"))
    settings = load_settings()
    apply_environment(settings)
    return settings


def test_check_status_and_mart_say_the_same_of_every_case(
    home: Settings, manifest: DbtManifest
) -> None:
    source = configured(CASES)
    ledger = write_ledger(home, CASES)
    assert of_the_check(home, ledger, source) == EXPECTED
    assert of_status(home, source) == EXPECTED
    assert of_the_mart(home, ledger, source, manifest) == EXPECTED


@pytest.mark.slow
@pytest.mark.parametrize(
    "override, two_days, snapshot",
    [
        # Nothing required has landed: there is no date to be late at.
        (None, ("fresh", None), ("fresh", None)),
        (date(2026, 3, 20), ("stale", 12), ("stale", 11)),
        (date(2026, 3, 1), ("fresh", 0), ("fresh", 0)),
    ],
)
def test_all_three_judge_at_the_date_the_operator_names_and_at_none_without_one(
    home: Settings,
    manifest: DbtManifest,
    override: date | None,
    two_days: tuple[str, int | None],
    snapshot: tuple[str, int | None],
) -> None:
    cases = {name: CASES[name] for name in ("two_days", "snapshot")}
    source = configured(cases)
    ledger = write_ledger(home, cases)
    judged = home.model_copy(update={"as_of": override})
    expected = {"two_days": two_days, "snapshot": snapshot}
    assert of_the_check(judged, ledger, source) == expected
    assert of_status(judged, source) == expected
    assert of_the_mart(judged, ledger, source, manifest) == expected
