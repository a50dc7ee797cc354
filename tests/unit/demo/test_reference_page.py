"""The page about the retailer names every feed, truth table, kind and incident there is."""

from pathlib import Path

import pytest

from orchestration.demo.feeds import Feed
from orchestration.demo.people import KINDS
from orchestration.demo.retailer import ALL_FEEDS
from orchestration.demo.sizes import SIZES
from tests.unit.demo.conftest import Retailer

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "maple-and-main.md"


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("feed", ALL_FEEDS, ids=lambda f: f"{f.source}/{f.entity}")
def test_every_feed_is_described(feed: Feed) -> None:
    start = f"| `{feed.source}` | `{feed.entity}` | `.{feed.dialect.extension}`"
    (row,) = [line for line in page().splitlines() if line.startswith(start)]
    key, dated_by = [cell.strip() for cell in row.split("|")[-3:-1]]
    assert key == ", ".join(f"`{column}`" for column in feed.key)
    assert dated_by.strip("`") == feed.dated_by
    assert ("weekly" in row) != feed.is_daily


def test_every_truth_table_incident_kind_and_size_is_described(retailer: Retailer) -> None:
    told = page()
    for table in (retailer.output / "truth").iterdir():
        assert f"| `{table.stem}` |" in told
    for incident in retailer.books.world.incidents.planted:
        assert f"| `{incident.kind}` |" in told
    assert all(f"**{kind}**" in told for kind in KINDS)
    assert all(f"| `{size}` |" in told for size in SIZES)
    owners = set(retailer.truth("identifiers")["ownership"])
    assert all(f"`{ownership}`" in told for ownership in owners)
