"""What each command says and does when a published file is damaged."""

import json
import os
import re
import shutil
from collections.abc import Callable

import pytest
from typer.testing import Result

from orchestration.cli._run_summary import Ending, lines_of_failure, lines_of_success, served_now
from orchestration.cli._stages import RunRecord
from orchestration.publish import current, rollback
from orchestration.settings import Settings
from tests.unit.publish.conftest import flip

Shopthread = Callable[..., Result]

ORDERS = "select sum(net_amount) as net, count(*) as orders from fct_orders"


def cut(settings: Settings, number: int) -> None:
    os.truncate(settings.published_dir / str(number) / "analytics.duckdb", 20_000)


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_query_answers_from_the_version_before_and_tells_it_beside_the_answer(
    shopthread: Shopthread, served: Settings
) -> None:
    cut(served, 2)
    result = shopthread("query", ORDERS, "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [{"net": 4.25, "orders": 3}]
    told = words(result.stderr)
    assert told.startswith("alarm: version 2 is damaged (2/analytics.duckdb has 20,000 bytes")
    assert "so version 1 is served instead" in told
    assert "`shopthread publish` makes a whole version" in told
    assert words(shopthread("query", ORDERS).stderr).startswith(told), "until the next publish"


def test_a_query_without_damage_says_nothing_of_it(
    shopthread: Shopthread, served: Settings
) -> None:
    del served
    assert "alarm" not in shopthread("query", ORDERS).stderr


def test_status_moves_readers_off_a_file_that_was_cut_and_shows_the_alarm(
    shopthread: Shopthread, served: Settings
) -> None:
    cut(served, 2)
    result = shopthread("status")
    assert result.exit_code == 0
    said = words(result.stdout)
    assert said.startswith("alarm version 2 is damaged")
    assert "published version 1 data as of 2017-12-30" in said
    now = current(served)
    assert now is not None
    assert now.version == 1
    facts = json.loads(shopthread("status", "--format", "json").stdout)
    (alarm,) = facts["alarms"]
    assert "version 1 is served instead" in alarm
    assert facts["published"]["version"] == 1


def test_status_reads_no_bytes_so_a_flip_is_the_doctor_s(
    shopthread: Shopthread, served: Settings
) -> None:
    flip(served.published_dir / "2" / "analytics.duckdb", 300)
    facts = json.loads(shopthread("status", "--format", "json").stdout)
    assert (facts["published"]["version"], facts["alarms"]) == (2, [])
    examined = shopthread("doctor")
    assert examined.exit_code == 1
    assert "2/analytics.duckdb does not have the SHA-256" in words(examined.stdout)


def test_status_without_any_whole_version_says_what_makes_one(
    shopthread: Shopthread, served: Settings
) -> None:
    for number in (1, 2):
        os.truncate(served.published_dir / str(number) / "manifest.json", 10)
    result = shopthread("status")
    assert result.exit_code == 0
    said = words(result.stdout)
    assert "alarm version 2 is damaged" in said
    assert "no earlier version" in said
    assert "`shopthread publish` makes a new version from the warehouse" in said
    assert "published nothing that is whole" in said
    refused = shopthread("query", ORDERS)
    assert refused.exit_code == 1
    assert "no earlier version" in words(refused.stderr)


def test_status_tells_of_a_link_that_leads_elsewhere(
    shopthread: Shopthread, served: Settings
) -> None:
    (served.published_dir / "current").unlink()
    (served.published_dir / "current").symlink_to("1")
    assert "current does not lead to version 2" in words(shopthread("status").stdout)


def test_a_rollback_leaves_a_version_whose_manifest_cannot_be_read(
    shopthread: Shopthread, served: Settings
) -> None:
    os.truncate(served.published_dir / "2" / "manifest.json", 10)
    refused = shopthread("rollback")
    assert refused.exit_code == 1
    assert "2/manifest.json cannot be read as a manifest" in words(refused.stderr)
    assert re.findall(r"version \d", shopthread("rollback", "--list").stdout) == ["version 1"]
    result = shopthread("rollback", "1")
    assert result.exit_code == 0
    assert "version 1, data as of 2017-12-30 instead of version 2" in result.stdout


@pytest.mark.parametrize("name", ["1/manifest.json", "current.json"])
def test_a_run_does_not_stumble_over_the_version_that_it_replaces(
    served: Settings, name: str
) -> None:
    assert served_now(served) is not None
    rollback(served, 1)
    os.truncate(served.published_dir / name, 10)
    assert served_now(served) is None
    record = RunRecord(frozenset())
    ending = Ending(record, "run-3", 0.0, 1.0, served_before=None)
    told = dict(lines_of_failure(served, ending))
    assert told["served"].startswith("no version that is whole: `shopthread status`")
    assert "builds everything first" not in told.get("next", "")


@pytest.mark.parametrize("noticed", ["before the run", "by the publish"])
def test_the_run_that_replaces_a_damaged_version_says_so(served: Settings, noticed: str) -> None:
    record = RunRecord(())
    facts = {"is_new_version": "True", "why": "version 1 is damaged"}
    before = current(served)
    if noticed == "by the publish":
        facts["fell_back"] = "version 1 is damaged, so version 0 is served instead"
    record.facts["publish/published_version"] = facts
    ending = Ending(record, "run-3", 0.0, 1.0, None if noticed == "before the run" else before)
    assert dict(lines_of_success(served, ending))["damage"] == "version 1 is damaged"


def test_a_run_without_damage_says_nothing_of_it(served: Settings) -> None:
    record = RunRecord(())
    record.facts["publish/published_version"] = {"is_new_version": "True", "why": "new sales"}
    ending = Ending(record, "run-2", 0.0, 1.0, current(served))
    assert "damage" not in dict(lines_of_success(served, ending))


def test_a_run_on_a_full_disk_is_refused_with_bytes_before_it_starts(
    shopthread: Shopthread, served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil._ntuple_diskusage(10**12, 10**12 - 1, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    for command in ("run", "publish"):
        refused = shopthread(command)
        assert refused.exit_code == 1
        told = words(refused.stderr)
        assert "has 1 bytes free and a run needs up to 64,000,000" in told
        assert "Nothing was started and what is published stays served" in told
    assert not served.dagster_home.exists()


def test_a_rollback_refuses_a_version_with_one_flipped_byte(
    shopthread: Shopthread, served: Settings
) -> None:
    flip(served.published_dir / "1" / "identified.duckdb", 300)
    refused = shopthread("rollback", "1")
    assert refused.exit_code == 1
    assert "version 1 is not whole: 1/identified.duckdb" in words(refused.stderr)
    now = current(served)
    assert now is not None
    assert now.version == 2
