"""The file that a repaired batch is asked for is one that landing will read."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from orchestration.cli import _run_summary
from orchestration.cli._repaired_batch import repaired_batch
from orchestration.cli._run_summary import Ending, lines_of_failure
from orchestration.cli._stages import CheckAnswer, RunRecord
from orchestration.landing.ledger import Ledger
from orchestration.settings import Settings, load_settings
from orchestration.sources import config
from orchestration.sources.config import SourceConfig
from orchestration.sources.files import UNDATED, FileReader
from tests.unit.cli.test_ledger_view import batch

Sources = tuple[SourceConfig, ...]


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    """The configured sources, whose transactions are written as texts."""
    found = []
    for source in config.load_sources(load_settings().sources_dir):
        document = source.model_dump(mode="json")
        for entity in document["entities"]:
            if entity["name"] == "transactions":
                entity["format"] = {"kind": "csv", "compression": "gzip"}
        found.append(SourceConfig.model_validate(document))
    sources = tuple(found)
    monkeypatch.setattr(config, "load_sources", lambda *_: sources)
    monkeypatch.setattr(_run_summary, "load_sources", lambda *_: sources)
    return sources


@pytest.fixture
def refused(served: Settings, sources: Sources) -> Settings:
    del sources
    Ledger(served.ledger_path).refuse(batch("2017-12-31", "bad"), "lacks cards", {})
    return served


FILE = "inbox/complete_journey/transactions/2017-12-31.csv.gz"


def test_the_file_has_the_suffix_of_its_format_and_is_found(
    served: Settings, sources: Sources
) -> None:
    name = repaired_batch(sources, "complete_journey", "transactions", "2017-12-31")
    assert name == FILE
    path = served.home / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    entity = next(item for item in sources if item.source == "complete_journey").entity(
        "transactions"
    )
    reader = FileReader(
        "complete_journey", "transactions", served.home, served.inbox_dir, entity.format
    )
    assert [file.path for file in reader.inbox_files()] == [path]


def test_what_has_no_business_date_is_repaired_in_the_base_file(sources: Sources) -> None:
    told = repaired_batch(sources, "complete_journey", "transactions", UNDATED)
    assert told == "the base file transactions.csv.gz of complete_journey"


def test_of_an_entity_that_is_gone_no_suffix_is_invented(sources: Sources) -> None:
    assert repaired_batch(sources, "gone", "sales", "snapshot") == "inbox/gone/sales/snapshot"


def test_status_names_the_file(shopthread: Callable[..., Result], refused: Settings) -> None:
    del refused
    shown = " ".join(shopthread("status").stdout.split())
    assert f"next deliver a repaired batch ({FILE}), then shopthread run" in shown
    facts = json.loads(shopthread("status", "--format", "json").stdout)
    found = [item for source in facts["sources"] for item in source["open_refusals"]]
    assert [item["repaired_by"] for item in found] == [FILE]


def test_a_run_that_a_refusal_stopped_names_the_file(refused: Settings) -> None:
    record = RunRecord(frozenset())
    answer = CheckAnswer(
        "landing/complete_journey/transactions",
        "contract",
        passed=False,
        closes_gate=True,
        text="failed",
    )
    record.closed.append(answer)
    ending = Ending(record, "run-3", 0.0, 1.0, served_before=None)
    told = dict(lines_of_failure(refused, ending))
    assert told["next"].startswith(f"deliver a repaired batch ({FILE}) and run again")
