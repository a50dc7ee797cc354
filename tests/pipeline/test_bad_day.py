"""`shopthread demo bad-day`: the gate closes, readers notice nothing, the repair opens it."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import current
from tests.pipeline.command_line import CommandLine, words
from tests.pipeline.worlds import LAST

pytestmark = pytest.mark.slow

TRANSACTIONS = "complete_journey/transactions"


@pytest.fixture
def shopthread(tmp_path: Path, tiny_panel: Path, built_home: Path) -> CommandLine:
    home = tmp_path / "var"
    shutil.copytree(built_home, home, symlinks=True)
    return CommandLine(home, tiny_panel)


def landed_files(shopthread: CommandLine) -> list[Path]:
    return sorted((shopthread.home / "landing").rglob("*.parquet"))


def published(shopthread: CommandLine) -> tuple[int, str]:
    now = current(shopthread.settings)
    assert now is not None
    return now.version, now.manifest.run_id


def orders(shopthread: CommandLine) -> object:
    sql = "select count(*) as orders, sum(net_amount) as net from fct_orders"
    return json.loads(shopthread("query", sql, "-f", "json").stdout)


@pytest.mark.mission("A13", part="30 % null ids: stopped, readable, repaired by a fixed file")
def test_a_bad_day_closes_the_gate_and_its_repair_opens_it(shopthread: CommandLine) -> None:
    before = published(shopthread), orders(shopthread), landed_files(shopthread)

    finished = shopthread("demo", "bad-day")
    said = words(finished.stdout)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert f"bad day {TRANSACTIONS} {LAST}: 30% of the lines lost their card number" in said
    assert f"gate landing/{TRANSACTIONS} · contract is closed" in said
    assert "missing_household_id" in said
    assert "not built staging, identity, journey, marts, kpi, quality, publish, report" in said
    assert "served version 1" in said
    assert "version 1 answers as before" in said
    assert "closed, as it should" in said
    assert (published(shopthread), orders(shopthread), landed_files(shopthread)) == before

    refusal = shopthread.status()["sources"][0]["open_refusals"][0]
    assert refusal["partition"] == str(LAST)
    rows = shopthread.home / "quarantine" / TRANSACTIONS / str(LAST) / refusal["batch_id"]
    with duckdb.connect() as connection:
        (kept,) = connection.execute(f"select count(*) from '{rows / 'rows.parquet'}'").fetchall()[
            0
        ]
    assert kept == sum(refusal["rows_by_reason"].values()) > 0

    still = shopthread("publish")
    assert still.returncode == 1
    assert f"landing/{TRANSACTIONS} / contract" in words(still.stdout)
    assert published(shopthread) == before[0]

    repaired = shopthread("demo", "bad-day", "--repair")
    said = words(repaired.stdout)
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "open: the refusal closed by itself" in said
    healed = shopthread.status()
    assert healed["sources"][0]["open_refusals"] == []
    assert healed["checks"]["failed"] == healed["checks"]["could_not_run"] == 0
    assert orders(shopthread) == before[1]


@pytest.mark.mission("A13", part="a renamed column and half a file: stopped, readable")
@pytest.mark.parametrize(
    "kind, reason", [("renamed", "sales_value"), ("truncated", "unreadable file")]
)
def test_other_damage_is_refused_as_well(shopthread: CommandLine, kind: str, reason: str) -> None:
    before = published(shopthread), landed_files(shopthread)
    finished = shopthread("demo", "bad-day", "--kind", kind)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert reason in shopthread.status()["sources"][0]["open_refusals"][0]["reason"]
    assert (published(shopthread), landed_files(shopthread)) == before


@pytest.mark.mission("A13", part="everything else goes on with the last good state")
def test_by_the_panel_s_own_policy_everything_else_goes_on(shopthread: CommandLine) -> None:
    before = orders(shopthread), landed_files(shopthread)
    finished = shopthread("demo", "bad-day", "--policy", "serve_last_good")
    said = words(finished.stdout)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert f"stale {TRANSACTIONS} {LAST} was refused" in said
    assert "1 refused" in said
    assert (orders(shopthread), landed_files(shopthread)) == before
    now = current(shopthread.settings)
    assert now is not None
    assert [item.entity for item in now.manifest.stale_sources] == ["transactions"]
    assert shopthread.status()["sources"][0]["state"] == "stale"
