"""Each thing that the doctor looks at, healthy and hurt."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from orchestration.cli import doctor as doctor_module
from orchestration.cli._instance import ensure_instance
from orchestration.cli.doctor import Finding, Grade, examine
from orchestration.file_lock import hold_file
from orchestration.publish import connect, current, fall_back
from orchestration.publish.retention import prune
from orchestration.settings import PROJECT_DIR, Settings
from tests.unit.publish.conftest import flip

Shopthread = Callable[..., Result]


def findings(topic: str) -> list[Finding]:
    return [item for item in examine() if item.topic == topic]


def problems(topic: str) -> list[Finding]:
    return [item for item in findings(topic) if item.grade is Grade.PROBLEM]


@pytest.fixture(autouse=True)
def plenty_of_space(monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(path: Path) -> shutil._ntuple_diskusage:
        del path
        return shutil._ntuple_diskusage(10**12, 0, 10**12)

    monkeypatch.setattr(shutil, "disk_usage", usage)


def test_a_healthy_home_has_no_problem(shopthread: Shopthread, served: Settings) -> None:
    served.home.chmod(0o700)
    result = shopthread("doctor")
    assert "0 problems" in result.stdout
    assert result.exit_code == 0


def test_json_lists_every_finding_and_the_exit_code_stays(
    shopthread: Shopthread, served: Settings
) -> None:
    served.home.chmod(0o755)
    served.warehouse_path.parent.chmod(0o755)
    result = shopthread("doctor", "--format", "json")
    assert result.exit_code == 1
    found = {
        item["topic"]: item for item in json.loads(result.stdout) if item["grade"] == "problem"
    }
    assert "chmod -R go=" in found["permissions"]["action"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "version, wanted, fits",
    [
        ("2.0.0", ">=2.0,<2.1", True),
        ("2.1.0", ">=2.0,<2.1", False),
        ("1.9.9", ">=2.0", False),
        ("1.13.27", "==1.13.27", True),
        ("1.13.28", "==1.13.27", False),
        ("1.11.16", "~=1.11.2", True),
        ("1.12.0", "~=1.11.2", False),
        ("2.0", "!=2.0.0", False),
        ("3.1.1", "", True),
        ("2.0.1.dev3", ">=2.0.1", True),
    ],
)
def test_versions_are_compared_by_number(version: str, wanted: str, fits: bool) -> None:
    assert doctor_module._fits(version, wanted) is fits


@pytest.mark.usefixtures("home")
def test_a_package_of_another_version_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> doctor_module._Asked:
        return doctor_module._Asked(">=3.11", ("duckdb<1", "no-such-package>=1"))

    monkeypatch.setattr(doctor_module, "_asked", asked)
    texts = [item.text for item in problems("packages")]
    assert any("asked for <1" in text for text in texts)
    assert any("not installed" in text for text in texts)
    assert problems("python") == []


def test_a_setting_that_cannot_be_read_is_a_problem(
    shopthread: Shopthread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPTHREAD_AS_OF", "soon")
    result = shopthread("doctor")
    assert result.exit_code == 1
    assert "SHOPTHREAD_AS_OF" in result.stdout


@pytest.mark.usefixtures("home")
def test_a_calendar_that_ends_before_it_begins_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOPTHREAD_LAST_DAY", "2016-01-01")
    assert "ends" in problems("settings")[0].text


@pytest.mark.usefixtures("home")
def test_missing_files_of_the_panel_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPTHREAD_PANEL_DIR", str(tmp_path / "empty"))
    assert "0 of 8" in problems("input")[0].text


def test_the_public_key_is_refused_for_live_data(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    shipped = PROJECT_DIR / "orchestration" / "defs" / "sources" / "complete_journey" / "defs.yaml"
    folder = tmp_path / "sources" / "shop"
    folder.mkdir(parents=True)
    text = shipped.read_text("utf-8").replace("data_origin: panel", "data_origin: live")
    (folder / "defs.yaml").write_text(text, "utf-8")
    monkeypatch.setattr(Settings, "sources_dir", property(lambda _: folder.parent))
    assert "SHOPTHREAD_IDENTITY_KEY" in problems("identity key")[0].action
    monkeypatch.setenv("SHOPTHREAD_IDENTITY_KEY", "a-secret-of-ours")
    assert problems("identity key") == []
    assert all("a-secret-of-ours" not in item.text for item in examine())


def test_a_lock_is_told_with_its_holder(served: Settings) -> None:
    with hold_file(served.warehouse_lock_path, "run abc"):
        found = findings("locks")
    assert [item.grade for item in found] == [Grade.NOTE]
    assert "run abc (process" in found[0].text
    assert findings("locks")[0].text == "nobody writes"


@pytest.mark.usefixtures("home")
def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(path: Path) -> shutil._ntuple_diskusage:
        del path
        return shutil._ntuple_diskusage(10**12, 10**12 - 1, 1)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (found,) = problems("disk")
    assert found.text.startswith("1 bytes free, the next run may need 320,000,000")
    assert "free 319,999,999 bytes where" in found.action


def test_what_a_killed_run_left_is_a_note(served: Settings) -> None:
    (served.scratch_dir / "candidate").mkdir(parents=True)
    (served.published_dir / ".building-3-x").mkdir()
    found = findings("leftovers")
    assert found[0].grade is Grade.NOTE
    assert "1 folder in scratch, 1 unfinished version" in found[0].text


def test_a_log_beside_a_published_file_is_a_problem(served: Settings) -> None:
    now = current(served)
    assert now is not None
    now.directory.chmod(0o755)
    (now.directory / "analytics.duckdb.wal").touch()
    assert "for writing" in problems("logs")[0].text


def test_a_version_that_is_not_whole_is_a_problem(served: Settings) -> None:
    now = current(served)
    assert now is not None
    now.directory.chmod(0o755)
    now.analytics_path.chmod(0o644)
    with now.analytics_path.open("ab") as file:
        file.write(b"x")
    assert "analytics.duckdb" in problems("published")[0].text
    assert not [item for item in findings("published") if item.grade is Grade.OK]


def test_a_flipped_byte_is_found_and_the_file_is_named(served: Settings) -> None:
    now = current(served)
    assert now is not None
    file = now.directory / now.manifest.marts["commerce.fct_orders"].parquet
    flip(file, file.stat().st_size // 2)
    (found,) = problems("published")
    assert found.text.startswith("2/parquet/commerce/fct_orders.parquet does not have the SHA-256")
    assert "shopthread publish" in found.action


def test_damage_of_a_version_that_is_not_served_is_a_note(served: Settings) -> None:
    flip(served.published_dir / "1" / "analytics.duckdb", 300)
    assert problems("published") == []
    assert [item.grade for item in findings("published")] == [Grade.NOTE, Grade.OK]


def test_a_pointer_and_a_link_that_are_not_what_was_written_are_problems(served: Settings) -> None:
    (served.published_dir / "current").unlink()
    (served.published_dir / "current").symlink_to("1")
    assert "current does not lead to version 2" in problems("published")[0].text
    pointer = served.published_dir / "current.json"
    flip(pointer, 3)
    assert "current.json is missing or not what was written" in problems("published")[0].text


def test_a_fall_back_stays_a_problem_until_the_next_publish(served: Settings) -> None:
    flip(served.published_dir / "2" / "analytics.duckdb", 300)
    fall_back(served)
    texts = [item.text for item in problems("published")]
    assert any("version 2 is damaged" in text and "version 1 is served" in text for text in texts)


def test_a_removed_version_that_a_reader_holds_is_a_note(served: Settings) -> None:
    with connect(served, version=1):
        size = (served.published_dir / "1" / "analytics.duckdb").stat().st_size
        prune(served.published_dir, keep=0)
        assert (served.published_dir / "1").exists(), "the parent of what is served stays"
        shutil.rmtree(served.published_dir / "1")
        (found,) = findings("readers")
    assert found.grade is Grade.NOTE
    assert f"version 1 was removed and {size / 1e6:,.1f} MB" in found.text
    assert str(os.getpid()) in found.text
    assert findings("readers") == []


def test_one_open_file_deep_in_an_open_home_is_found(served: Settings) -> None:
    for path in served.home.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    served.home.chmod(0o755)
    served.published_dir.chmod(0o750)
    assert problems("permissions") == []
    served.warehouse_path.chmod(0o644)
    assert problems("permissions") == [], "its folder is closed"
    served.warehouse_path.parent.chmod(0o711)
    exposed = [item.text.split(" is open")[0] for item in problems("permissions")]
    assert [Path(path).name for path in exposed] == ["warehouse", "warehouse.duckdb"]
    (served.published_dir / "2" / "manifest.json").chmod(0o444)
    assert "manifest.json is open to others (444)" in problems("permissions")[-1].text


def test_another_dagster_yaml_is_a_note_until_the_next_run(served: Settings) -> None:
    ensure_instance(served)
    assert findings("dagster.yaml")[0].grade is Grade.OK
    assert served.dagster_home.stat().st_mode & 0o777 == 0o700
    (served.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: true}", "utf-8")
    assert findings("dagster.yaml")[0].grade is Grade.NOTE
    ensure_instance(served)
    assert findings("dagster.yaml")[0].grade is Grade.OK


@pytest.mark.usefixtures("home")
def test_the_address_is_always_told() -> None:
    assert "127.0.0.1" in findings("address")[0].text
