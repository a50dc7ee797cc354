"""The corrupted delivery of the demo, as files."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.cli._bad_day import Kind, deliver_bad_day, deliver_good_day, delivered
from orchestration.settings import Settings, load_settings
from tests.tiny_world import build_tiny_panel

DAY = date(2017, 1, 3)


@pytest.fixture(scope="session")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_panel(tmp_path_factory.mktemp("panel"), households=20, last=date(2017, 1, 4))


@pytest.fixture
def settings(panel: Path, tmp_path: Path) -> Settings:
    return load_settings(
        {"SHOPTHREAD_HOME": str(tmp_path / "var"), "SHOPTHREAD_PANEL_DIR": str(panel)}
    )


def ask(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def columns(path: Path) -> list[str]:
    return [row[0] for row in ask(f"describe select * from '{path}'")]


def test_nulls_take_about_a_third_of_the_card_numbers(settings: Settings) -> None:
    bad = deliver_bad_day(settings, DAY, Kind.NULLS)
    assert bad.path == settings.inbox_dir / "complete_journey" / "transactions" / f"{DAY}.parquet"
    rows, missing = ask(
        f"select count(*), count(*) filter (household_id is null) from '{bad.path}'"
    )[0]
    assert rows == bad.rows > 20
    assert 0.1 < missing / rows < 0.5
    assert delivered(settings) == bad


def test_a_renamed_column_changes_nothing_else(settings: Settings) -> None:
    bad = deliver_bad_day(settings, DAY, Kind.RENAMED)
    good = [name.replace("net_sales", "sales_value") for name in columns(bad.path)]
    assert "net_sales" in columns(bad.path)
    assert good == columns(settings.panel_files() / "transactions.parquet")


def test_a_truncated_file_cannot_be_read(settings: Settings) -> None:
    bad = deliver_bad_day(settings, DAY, Kind.TRUNCATED)
    with pytest.raises(duckdb.Error):
        columns(bad.path)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_repair_delivers_exactly_the_rows_of_the_day(settings: Settings, kind: Kind) -> None:
    bad = deliver_bad_day(settings, DAY, kind)
    assert deliver_good_day(settings, bad) == bad.rows
    source = settings.panel_files() / "transactions.parquet"
    local = "cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date)"
    assert ask(f"from '{bad.path}' except all from '{source}' where {local} = date '{DAY}'") == []
    assert delivered(settings) is None


def test_a_good_delivery_in_the_inbox_is_set_aside_and_comes_back(settings: Settings) -> None:
    folder = settings.inbox_dir / "complete_journey" / "transactions"
    folder.mkdir(parents=True)
    path = folder / f"{DAY}.parquet"
    source = settings.panel_files() / "transactions.parquet"
    local = "cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date)"
    ask(f"copy (from '{source}' where {local} = date '{DAY}' limit 5) to '{path}' (format parquet)")
    before = path.read_bytes()
    bad = deliver_bad_day(settings, DAY, Kind.NULLS)
    assert bad.rows == 5
    again = deliver_bad_day(settings, DAY, Kind.RENAMED)
    assert again.rows == 5
    assert deliver_good_day(settings, again) == 5
    assert path.read_bytes() == before
    assert list(folder.glob("*.parquet")) == [path]
