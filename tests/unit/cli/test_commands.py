"""What each command answers, in words and exit codes, without a run."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from orchestration.cli._instance import remember_ui
from orchestration.cli._outcome import ERROR_FILE, answering
from orchestration.cli._run_summary import failure_line
from orchestration.file_lock import hold_file
from orchestration.landing.ledger import Batch, Ledger
from orchestration.publish import current, versions
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.sources.config import load_sources

Shopthread = Callable[..., Result]

COMMANDS = [
    ("run",),
    ("status",),
    ("query",),
    ("report",),
    ("publish",),
    ("rollback",),
    ("doctor",),
    ("quarantine",),
    ("quarantine", "list"),
    ("quarantine", "waive"),
    ("demo",),
    ("demo", "bad-day"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples_and_exit_codes(
    shopthread: Shopthread, command: tuple[str, ...]
) -> None:
    result = shopthread(*command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "Exit codes:" in result.stdout
    assert " ".join(("shopthread", *command)) in result.stdout


def test_without_a_command_it_shows_help(shopthread: Shopthread) -> None:
    assert "Commands:" in shopthread().output


def test_the_version_is_told(shopthread: Shopthread) -> None:
    assert shopthread("--version").stdout.startswith("shopthread ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["status"],
        ["query", "select 1"],
        ["rollback", "--list"],
        ["quarantine", "list"],
        ["run", "--help"],
        ["demo", "--help"],
    ],
    ids=" ".join,
)
def test_light_commands_import_neither_dagster_nor_dbt(home: Path, arguments: list[str]) -> None:
    del home
    script = (
        "import atexit, sys\n"
        "heavy = {'dagster', 'dbt', 'great_expectations', 'pandas'}\n"
        "atexit.register(lambda: sys.stderr.write('HEAVY:' + ','.join(heavy & set(sys.modules))))\n"
        f"sys.argv = ['shopthread', *{arguments!r}]\n"
        "from orchestration.cli import main\n"
        "main()\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT_DIR, check=False
    )
    assert finished.stderr.endswith("HEAVY:")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["run", "--from", "yesterday"], "write YYYY-MM-DD"),
        (["run", "--from", "2017-02-01", "--to", "2017-01-01"], "lies behind"),
        (["run", "--from", "2015-01-01"], "not inside the calendar"),
        (["run", "--as-of", "1/2/2017"], "write YYYY-MM-DD"),
        (["run", "--override-gates", " "], "needs a reason"),
        (["publish", "--override-gates", ""], "needs a reason"),
        (["query", "  "], "no SQL was given"),
        (["query", "select 1", "--raw"], "--raw is about CSV"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_named_and_starts_nothing(
    shopthread: Shopthread, home: Path, arguments: list[str], words: str
) -> None:
    result = shopthread(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not home.exists()


def test_an_unknown_option_is_wrong_usage(shopthread: Shopthread) -> None:
    assert shopthread("run", "--job", "weekly").exit_code == 2


@pytest.mark.parametrize("command", ["query", "report", "rollback"])
def test_without_a_published_version_readers_are_told_what_to_do(
    shopthread: Shopthread, home: Path, command: str
) -> None:
    result = shopthread(command, *(["select 1"] if command == "query" else []))
    assert result.exit_code == 1
    assert "shopthread run" in result.stderr
    assert not home.exists()


def test_a_bad_day_without_any_day_names_the_demo(shopthread: Shopthread) -> None:
    result = shopthread("demo", "bad-day")
    assert result.exit_code == 1
    assert "shopthread demo" in result.stderr


def test_nothing_to_repair_is_not_an_error(shopthread: Shopthread) -> None:
    result = shopthread("demo", "bad-day", "--repair")
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout


def test_the_demo_names_the_files_that_a_panel_lacks(
    shopthread: Shopthread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPTHREAD_PANEL_DIR", str(tmp_path))
    result = shopthread("demo", "--no-ui")
    assert result.exit_code == 1
    assert "lacks transactions, products" in result.stderr


# -- query ------------------------------------------------------------------------------


@pytest.mark.usefixtures("served")
def test_csv_is_harmless_for_spreadsheets_unless_raw(shopthread: Shopthread) -> None:
    sql = "select net_amount, -net_amount as minus, note from fct_orders order by order_key"
    safe = shopthread("query", sql, "--format", "csv").stdout.splitlines()
    assert safe[:4] == [
        "net_amount,minus,note",
        "1.50,-1.50,'=1+1",
        "2.50,-2.50,'-5",
        "0.25,-0.25,",
    ]
    raw = shopthread("query", sql, "--format", "csv", "--raw").stdout.splitlines()
    assert raw[1] == "1.50,-1.50,=1+1"


@pytest.mark.usefixtures("served")
def test_json_and_standard_input(shopthread: Shopthread) -> None:
    result = shopthread(
        "query", "-", "-f", "json", stdin="select sum(net_amount) as net from fct_orders"
    )
    assert json.loads(result.stdout) == [{"net": 4.25}]
    assert result.stderr == ""


@pytest.mark.usefixtures("served")
def test_a_table_says_which_version_answered(shopthread: Shopthread) -> None:
    result = shopthread("query", "select * from catalog")
    assert "fct_orders" in result.stdout
    assert "version 2, data as of 2017-12-31" in result.stderr


@pytest.mark.usefixtures("served")
def test_an_older_version_can_be_asked(shopthread: Shopthread) -> None:
    sql = "select count(*) as orders from fct_orders"
    assert json.loads(shopthread("query", sql, "-f", "json", "--version", "1").stdout) == [
        {"orders": 3}
    ]
    result = shopthread("query", sql, "--version", "9")
    assert result.exit_code == 1
    assert "kept versions: 1, 2" in result.stderr


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    "sql",
    [
        "select nothing from nowhere",
        "drop table fct_orders",
        "select * from read_text('/etc/passwd')",
        "copy fct_orders to '/tmp/stolen.csv'",
    ],
)
def test_a_refused_query_is_a_sentence_and_exit_code_1(shopthread: Shopthread, sql: str) -> None:
    result = shopthread("query", sql)
    assert result.exit_code == 1
    assert "version 2 refused the query" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("served")
def test_two_statements_are_refused_and_none_is_answered(shopthread: Shopthread) -> None:
    result = shopthread("query", "select 'one' as x; select 'two' as x")
    assert result.exit_code == 1
    assert "2 statements were given and one is answered; nothing was asked" in result.stderr
    assert result.stdout == ""
    assert shopthread("query", "select 'one' as x;").exit_code == 0


# -- rollback ---------------------------------------------------------------------------


def test_rollback_serves_the_version_before_and_names_the_way_back(
    shopthread: Shopthread, served: Settings
) -> None:
    result = shopthread("rollback")
    assert result.exit_code == 0
    assert "version 1, data as of 2017-12-30 instead of version 2" in result.stdout
    assert "shopthread rollback 2" in result.stdout
    now = current(served)
    assert now is not None
    assert now.version == 1
    assert "as before" in shopthread("rollback", "1").stdout
    assert shopthread("rollback", "7").exit_code == 1


def test_the_list_of_versions_moves_nothing(shopthread: Shopthread, served: Settings) -> None:
    result = shopthread("rollback", "--list")
    assert "version 2 data as of 2017-12-31" in " ".join(result.stdout.split())
    assert [item.is_current for item in versions(served)] == [False, True]


# -- status -----------------------------------------------------------------------------


def test_status_of_a_home_without_anything(shopthread: Shopthread, home: Path) -> None:
    result = shopthread("status")
    assert result.exit_code == 0
    assert "nothing yet" in result.stdout
    assert "missing" in result.stdout
    assert not home.exists()


def test_status_names_the_file_that_opens_a_gate(shopthread: Shopthread, served: Settings) -> None:
    batch = Batch(
        batch_id="bad",
        source_key="complete_journey",
        vendor="complete_journey",
        entity="transactions",
        partition_key="2017-12-31",
        content_hash="bad",
        version_rule="arrival",
        verdict="candidate",
        physical_rows=9,
        landed_rows=0,
        quarantined_rows=9,
        schema_fingerprint="s",
        contract_fingerprint="c",
        delivery_fingerprint="d",
        file=None,
        reason=None,
        data_origin="panel",
        run_id="run-1",
    )
    Ledger(served.ledger_path).refuse(batch, "lacks cards", {"missing_household_id": 9})
    shown = " ".join(shopthread("status").stdout.split())
    assert "refused complete_journey/transactions 2017-12-31: lacks cards" in shown
    file = "inbox/complete_journey/transactions/2017-12-31.parquet"
    assert f"next deliver a repaired batch ({file}), then shopthread run" in shown


def test_status_as_json_names_version_sources_checks_and_locks(
    shopthread: Shopthread, served: Settings
) -> None:
    Ledger(served.ledger_path)
    remember_ui(_with_dagster_home(served), "http://127.0.0.1:3000/asset-groups")
    with hold_file(served.warehouse_lock_path, "run abc"):
        facts = json.loads(shopthread("status", "--format", "json").stdout)
    assert facts["published"]["version"] == 2
    assert facts["published"]["versions_kept"] == [1, 2]
    assert len(facts["sources"]) == sum(
        len(source.entities) for source in load_sources(served.sources_dir)
    )
    assert facts["checks"]["failed"] == 0
    assert facts["locks"]["warehouse"].startswith("run abc (process ")
    assert facts["ui"] == "http://127.0.0.1:3000/asset-groups"
    assert facts["last_run"] is None


def _with_dagster_home(settings: Settings) -> Settings:
    settings.dagster_home.mkdir()
    return settings


def test_a_run_that_fails_after_its_publish_does_not_deny_it(served: Settings) -> None:
    older, newer = versions(served)
    assert failure_line("abcdefgh-1", 5, newer, newer) == (
        "run abcdefgh failed after 5 s: nothing was published"
    )
    assert failure_line("abcdefgh-1", 5, None, None).endswith("nothing was published")
    for before in (older, None):
        assert failure_line("abcdefgh-1", 5, before, newer).endswith(
            "version 2 was published by then"
        )


# -- errors -----------------------------------------------------------------------------


def test_an_error_that_is_not_ours_gives_its_kind_and_places_and_never_its_text(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @answering
    def command() -> None:
        raise ZeroDivisionError("card 4711")

    with pytest.raises(BaseException) as ended:  # noqa: PT011 (the exit of another library)
        command()
    assert getattr(ended.value, "exit_code", None) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError" in shown
    assert "4711" not in shown
    kept = home / ERROR_FILE
    account = kept.read_text("utf-8")
    assert "4711" not in account
    assert "ZeroDivisionError" in account
    assert "(command)" in account, "where it came up is what helps"
    assert kept.stat().st_mode & 0o077 == 0
