"""A range of real days is judged at once by the panel's own contract, and hides no bad day."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from orchestration.components.source import open_landing
from orchestration.landing.land import Judged, Landing, Verdict
from orchestration.landing.ledger import Ledger
from orchestration.settings import load_settings
from orchestration.sources.config import load_sources
from tests.pipeline.worlds import FIRST, LAST

BAD_DAY = date(2017, 1, 8)


def local_days(rows: pd.DataFrame) -> pd.Series:
    stamps = rows["transaction_timestamp"]
    return stamps.dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.date


@pytest.fixture
def landing(tmp_path: Path, tiny_panel: Path) -> Landing:
    """Landing of the panel's transactions, of which one day lost a third of its sales values."""
    panel = tmp_path / "panel"
    panel.mkdir()
    rows = pd.read_parquet(tiny_panel / "transactions.parquet")
    day = rows.index[local_days(rows) == BAD_DAY]
    rows.loc[day[: len(day) // 3], "sales_value"] = 0.0
    rows.to_parquet(panel / "transactions.parquet", index=False)
    settings = load_settings(
        {
            "SHOPTHREAD_HOME": str(tmp_path / "var"),
            "SHOPTHREAD_PANEL_DIR": str(panel),
            "SHOPTHREAD_SOURCES": "complete_journey",
            "SHOPTHREAD_FIRST_DAY": FIRST.isoformat(),
            "SHOPTHREAD_LAST_DAY": LAST.isoformat(),
        }
    )
    (source,) = (
        item for item in load_sources(settings.sources_dir) if item.source == "complete_journey"
    )
    now = datetime(2026, 11, 25, tzinfo=UTC)
    ledger = Ledger(settings.ledger_path)
    return open_landing(settings, ledger, source, source.entity("transactions"), "run-1", now)


def test_one_bad_day_hidden_among_good_ones_is_refused_alone(
    landing: Landing, tiny_panel: Path
) -> None:
    asked: list[int] = []
    judge = landing.judge

    def counting(judged: Judged) -> Verdict:
        asked.append(len(judged.days))
        return judge(judged)

    landing.judge = counting
    report = landing.land()
    (refused,) = report.refused
    assert refused.partition == BAD_DAY.isoformat()
    assert "no_sales_value" in str(refused.reason)
    assert asked == [14, 1, 13], "the range, the day at fault, and the others at once"
    assert report.verdict is not None
    assert report.verdict.failing_days == (BAD_DAY.isoformat(),)

    rows = pd.read_parquet(tiny_panel / "transactions.parquet")
    bad = int((local_days(rows) == BAD_DAY).sum())
    zeros = int((rows["sales_value"] == 0).sum()) + bad // 3
    assert zeros < 0.1 * len(rows), "over the range alone nobody would see it"
    assert report.total("landed_rows") == len(rows) - bad
