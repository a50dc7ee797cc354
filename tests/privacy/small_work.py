"""Land and publish something small, then say how often somebody looked beyond this machine.

`python -m tests.privacy.small_work <folder>`, started by `test_offline` in a network that has
only the loopback. What it proves is written there.
"""

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.landing.ledger import Ledger
from orchestration.publish import CheckSummary, PublishContext, publish
from orchestration.settings import load_settings
from tests.unit.landing.conftest import ObedientJudge, Shop, sale
from tools.offline import unreachable_count


def work(home: Path) -> tuple[int, int]:
    """Rows that landed, and the version that was published and verified by a second process."""
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    folder = home.parent / "shop"
    folder.mkdir(parents=True)
    shop = Shop(settings, Ledger(settings.ledger_path), folder, ObedientJudge())
    shop.deliver("sales", [sale(1, 2), sale(2, 3)])
    landed = shop.landing("sales").land([date(2017, 1, 2), date(2017, 1, 3)])
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(settings.warehouse_path) as warehouse:
        warehouse.execute("create schema kpi; create table kpi.dim_kpi (kpi_key varchar)")
        warehouse.execute("insert into kpi.dim_kpi values ('orders')")
    context = PublishContext(
        as_of=date(2017, 1, 3),
        checks=CheckSummary(passed=1, failed=0, could_not_run=0),
        code_version="0.1.0+test",
        published_at=datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
    )
    result = publish(settings, run_id="run-1", parent=None, context=context)
    return landed.total("landed_rows"), result.published.version


if __name__ == "__main__":
    rows, version = work(Path(sys.argv[1]) / "var")
    print(f"rows {rows}, version {version}, unreachable {unreachable_count()}")
