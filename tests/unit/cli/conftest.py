"""The command line in this process, and a home that serves two small versions."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from orchestration.cli.app import app
from orchestration.publish import CheckSummary, PublishContext, PublishOptions, publish
from orchestration.publish.verification import differences
from orchestration.settings import Settings, load_settings

WAREHOUSE = """
create schema customer; create schema commerce; create schema journey;
create schema kpi; create schema quality;
create table commerce.fct_orders (order_key varchar, net_amount decimal(18, 2), note varchar);
insert into commerce.fct_orders values ('o1', 1.50, '=1+1'), ('o2', 2.50, '-5'), ('o3', 0.25, null);
create table quality.dq_reconciliation (
    scope varchar, contract varchar, measure varchar, unit varchar,
    left_value decimal(18, 4), right_value decimal(18, 4), difference decimal(18, 4)
);
insert into quality.dq_reconciliation values
    ('landing_to_mart', 'fct_orders', 'net_amount', 'USD', 4.25, 4.25, 0),
    ('mart', 'fct_orders', 'net_amount', 'USD', 9, 9, 0);
create table quality.catalog (mart_schema varchar, mart_name varchar, row_count bigint);
insert into quality.catalog values ('commerce', 'fct_orders', 3);
"""


def _context(day: date) -> PublishContext:
    return PublishContext(
        as_of=day,
        checks=CheckSummary(passed=212, failed=0, could_not_run=0),
        code_version="0.1.0+test",
        published_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    )


def _verify(building: Path, _seconds: float) -> None:
    assert differences(building) == []


@pytest.fixture(scope="session")
def served_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("served") / "var"
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    settings.warehouse_path.parent.mkdir(parents=True)
    options = PublishOptions(verify=_verify)
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute(WAREHOUSE)
    publish(
        settings, run_id="run-1", parent=None, context=_context(date(2017, 12, 30)), options=options
    )
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("insert into commerce.fct_orders values ('o4', 0.00, 'x')")
    publish(
        settings, run_id="run-2", parent=1, context=_context(date(2017, 12, 31)), options=options
    )
    return home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing ever happened, for this process's settings."""
    path = tmp_path / "var"
    monkeypatch.setenv("SHOPTHREAD_HOME", str(path))
    return path


@pytest.fixture
def served(served_template: Path, home: Path) -> Settings:
    """A home that serves version 2 and keeps version 1."""
    shutil.copytree(served_template, home, symlinks=True)
    return load_settings()


@pytest.fixture
def shopthread(home: Path) -> Callable[..., Result]:
    """Run a command: `shopthread("status", "--format", "json")`."""
    del home
    runner = CliRunner()

    def run(*arguments: str, stdin: str | None = None) -> Result:
        result = runner.invoke(app, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
