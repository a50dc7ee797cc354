"""The file is written whole, private, from the version asked for, or not at all."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    CheckSummary,
    Override,
    PublishContext,
    PublishedStateError,
    StaleSource,
    UnknownVersionError,
    publish,
)
from orchestration.report import ReportError, write_report, writing
from orchestration.settings import Settings, load_settings
from tests.unit.report.reading import figures, plain
from tests.unit.report.small_marts import AS_OF, small_marts


def _publish(settings: Settings, parent: int | None) -> None:
    publish(
        settings,
        run_id=f"run-on-{parent}",
        parent=parent,
        context=PublishContext(
            as_of=AS_OF,
            checks=CheckSummary(passed=2, failed=1, could_not_run=1),
            code_version="0.1.0+test",
            published_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
            stale_sources=(StaleSource(source_key="shop", entity="products", reason="late"),),
            overrides=(Override(check="marts gate", reason="known gap", by="A. Person"),),
        ),
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two versions: the second one has an order more."""
    home = tmp_path_factory.mktemp("published") / "var"
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    settings.warehouse_path.parent.mkdir(parents=True)
    settings.identifiers_dir.mkdir(parents=True)
    small_marts(path=settings.warehouse_path).close()
    _publish(settings, None)
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute(
            "insert into commerce.fct_orders values ('late', 'panel-c-0001', 'store', "
            "'2017-12-31', 'USD', 10, 0, 10, 'panel')"
        )
    _publish(settings, 1)
    return settings


def test_the_current_version_is_reported_by_default(published: Settings) -> None:
    report = write_report(published)
    html = report.path.read_text(encoding="utf-8")
    assert report.path == published.report_path
    assert (report.version, report.data_as_of) == (2, date(2017, 12, 31))
    assert report.size_bytes == report.path.stat().st_size == len(html.encode())
    assert figures(html)["version"][0] == "2"
    assert figures(html)["orders.total"][0] == "1201"
    assert report.path.stat().st_mode & 0o777 == 0o600


def test_an_earlier_version_is_reported_as_it_was(published: Settings, tmp_path: Path) -> None:
    report = write_report(published, version=1, output=tmp_path / "new" / "first.html")
    html = report.path.read_text(encoding="utf-8")
    assert figures(html)["version"][0] == "1"
    assert figures(html)["orders.total"][0] == "1200"


def test_the_same_version_gives_the_same_bytes(published: Settings, tmp_path: Path) -> None:
    first = write_report(published, output=tmp_path / "a.html").path.read_bytes()
    assert write_report(published, output=tmp_path / "b.html").path.read_bytes() == first


def test_the_manifest_speaks_without_naming_operators(published: Settings) -> None:
    text = plain(write_report(published).path.read_text(encoding="utf-8"))
    assert "marts gate: known gap" in text
    assert "A. Person" not in text


def test_before_any_publish_there_is_nothing_to_report(tmp_path: Path) -> None:
    settings = load_settings({"SHOPTHREAD_HOME": str(tmp_path)})
    with pytest.raises(PublishedStateError, match="shopthread run"):
        write_report(settings)
    assert not settings.report_path.exists()


def test_a_version_that_is_not_there_is_refused(published: Settings, tmp_path: Path) -> None:
    with pytest.raises(UnknownVersionError, match="version 9"):
        write_report(published, version=9, output=tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_a_report_that_cannot_be_made_leaves_the_old_file(
    published: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "r.html"
    output.write_text("the last good report", encoding="utf-8")
    with pytest.raises(ReportError, match="no order of data origin 'live'"):
        write_report(published, output=output, data_origin="live")
    monkeypatch.setattr(writing, "LARGEST_BYTES", 1000)
    with pytest.raises(ReportError, match="more than the 1,000 it may have"):
        write_report(published, output=output)
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]
    assert output.read_text(encoding="utf-8") == "the last good report"


def test_a_place_that_cannot_be_written_is_named(published: Settings, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(ReportError, match=r"cannot be written to .*--output"):
        write_report(published, output=in_the_way / "report.html")
