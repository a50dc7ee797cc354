"""A world full of canaries, and everything in it that can fail, one after the other.

Each function provokes one failure, says by which word it is recognised, and leaves the world
fit for the next. What must hold afterwards is in `test_canaries`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from orchestration.components.build_chain import REBUILD_TAG
from tests.pipeline.worlds import FIRST, LAST, World, copy_project, edit
from tests.privacy.canaries import CARDS, DOTENV, PEOPLE, SECRETS, Hit, scan

TRANSACTIONS = "landing/complete_journey/transactions"
PRODUCTS = "landing/complete_journey/products"
DEMOGRAPHICS = "landing/complete_journey/demographics"
VERSION = "publish/published_version"
CATALOGUE = "staging/stg_catalog__products"
CONTACTS = "staging/stg_crm__contacts"
COMMAND_SECONDS = 500


def plant_in(panel: Path, folder: Path) -> Path:
    """A copy of a panel in which customers, bad rows and unknown columns are canaries."""
    shutil.copytree(panel, folder)
    lines = pd.read_parquet(folder / "transactions.parquet")
    chosen = sorted(lines["household_id"].unique())[: len(CARDS)]
    renamed = dict(zip(chosen, CARDS, strict=True))
    for entity in ("transactions", "campaigns", "coupon_redemptions", "demographics"):
        rows = pd.read_parquet(folder / f"{entity}.parquet")
        rows["household_id"] = rows["household_id"].map(lambda one: renamed.get(one, str(one)))
        if entity == "demographics":
            rows["email"] = PEOPLE["e-mail in a column that no contract knows"]
            rows["phone"] = PEOPLE["phone in a column that no contract knows"]
        if entity == "transactions":
            rows = pd.concat([rows, _rows_set_aside(rows)], ignore_index=True)
        rows.to_parquet(folder / f"{entity}.parquet", index=False)
    return folder


def _rows_set_aside(rows: pd.DataFrame) -> pd.DataFrame:
    """One bad row on each of two days, as many as a contract tolerates."""
    days = rows["transaction_timestamp"].dt.normalize().add(pd.Timedelta(hours=17))
    bad = rows.assign(transaction_timestamp=days).drop_duplicates("transaction_timestamp")
    bad = bad.iloc[2:4].copy()
    bad["household_id"] = [
        PEOPLE["card of a row set aside"],
        PEOPLE["another card of a row set aside"],
    ]
    bad["basket_id"] = [1, 2]
    bad["sales_value"] = -1.0
    return bad


@dataclass
class Stage:
    """Where failures happen and what they say is kept."""

    world: World
    panel: Path
    said: Path
    """Outside the state: what was written to the two standard streams, a file per failure."""
    desk: Path
    """Where commands are started; a file `.env` with a secret lies there."""
    folder: Path
    failed: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    """In files that the next failure writes anew."""

    @property
    def home(self) -> Path:
        return self.world.settings.home

    def build(self) -> None:
        """One clean run; everything that fails afterwards has something to lose."""
        with speaking(self.said / "clean.txt"):
            run = self.world.run(days=(FIRST, LAST))
        assert run.success, run.failures

    def run_fails(
        self,
        name: str,
        recognised_by: str,
        assets: Sequence[str],
        days: tuple[date, date] | None = None,
        *,
        anew: bool = False,
    ) -> None:
        """A run in this process that must fail, and for the reason that was meant.

        `anew` builds and asks again what stands since the run before.
        """
        with speaking(self.said / f"{name}.txt"):
            run = self.world.run(assets, days=days, tags={REBUILD_TAG: "yes"} if anew else None)
        told = " ".join(
            [*run.failures.values(), *(str(item.description) for item in run.checks.values())]
        )
        assert not run.success, f"{name} did not fail"
        assert recognised_by in told, f"{name} failed otherwise: {told}"
        self._take(name)

    def batch_is_refused(
        self, name: str, reason: str, asset: str, partition: date | str = "snapshot"
    ) -> None:
        """A run that must fail because it refuses this batch, by what the ledger keeps of it.

        The run's own words name the first refusals only, and earlier stages left some.
        """
        days = (partition, partition) if isinstance(partition, date) else None
        self.run_fails(name, "refused", [asset], days)
        source, entity = asset.split("/")[1:]
        kept = {
            item.partition_key: item.reason
            for item in self.world.ledger.open_refusals(source, entity)
        }
        assert reason in kept.get(str(partition), ""), f"{name} was refused otherwise: {kept}"

    def command_fails(
        self,
        name: str,
        recognised_by: str,
        *arguments: str,
        module: str = "orchestration.cli",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """A command of its own process that must end with 1."""
        finished = self.command(name, *arguments, module=module, environment=environment)
        told = " ".join((finished.stdout + finished.stderr).split())
        assert finished.returncode == 1, f"{name} ended with {finished.returncode}: {told[-2000:]}"
        assert recognised_by in told, f"{name} failed otherwise: {told[-2000:]}"
        self._take(name)

    def command(
        self,
        name: str,
        *arguments: str,
        module: str = "orchestration.cli",
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        self.world.enter()
        finished = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **self.world.environment, **(environment or {})},
            cwd=self.desk,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        (self.said / f"{name}.txt").write_text(finished.stdout + finished.stderr, "utf-8")
        return finished

    def _take(self, name: str) -> None:
        self.failed.append(name)
        self.hits += scan(self.home / "logs", self.world.settings.dbt_target_dir)
        account = self.home / "last-error.log"
        if account.exists():
            kept = self.folder / "accounts" / name
            kept.mkdir(parents=True)
            shutil.move(account, kept)
            self.hits += scan(kept)

    @contextlib.contextmanager
    def failpoint(self, order: str) -> Iterator[None]:
        self.world.environment["SHOPTHREAD_FAILPOINT"] = order
        try:
            yield
        finally:
            del self.world.environment["SHOPTHREAD_FAILPOINT"]
            self.world.patch.delenv("SHOPTHREAD_FAILPOINT", raising=False)

    @contextlib.contextmanager
    def project(self, name: str, change: Callable[[Path], None]) -> Iterator[Path]:
        """Another project for the block: this repository's with one thing broken."""
        folder = copy_project(self.folder / name)
        change(folder)
        self.world.use_project(folder)
        try:
            yield folder
        finally:
            self.world.use_own_project()

    def day(self, number: int) -> tuple[date, pd.DataFrame]:
        day = date(2017, 1, number)
        return day, self.world.day_of_transactions(day)


@contextlib.contextmanager
def speaking(path: Path) -> Iterator[None]:
    """What this process and its children write to the standard streams goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    # Python's own streams may belong to the test runner.
    with path.open("a", encoding="utf-8") as text:
        try:
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                yield
        finally:
            for stream, descriptor in enumerate(kept, 1):
                os.dup2(descriptor, stream)
                os.close(descriptor)
            os.close(target)


def stage_in(folder: Path, panel: Path, world: World) -> Stage:
    """The stage of a world whose panel is planted already."""
    said, desk = folder / "said", folder / "desk"
    said.mkdir()
    desk.mkdir()
    (desk / ".env").write_text("".join(f"{name}={value}\n" for name, value in DOTENV.items()))
    world.environment.update(SECRETS)
    world.environment["SHOPTHREAD_BLOCK_ON_BAD_BATCH"] = ",".join(
        name.removeprefix("landing/") for name in (TRANSACTIONS, PRODUCTS, DEMOGRAPHICS)
    )
    return Stage(world, panel, said, desk, folder)


# -- publish ----------------------------------------------------------------------------


def publishing_fails(stage: Stage) -> None:
    """A vault that cannot be read, a failpoint, a full disk; then it works again."""
    shutil.rmtree(stage.world.settings.published_dir)
    damaged = stage.world.settings.identifiers_dir / "loyalty_card-damaged.parquet"
    damaged.write_bytes(b"PAR1" + PEOPLE["value in a file that is no table"].encode() * 9)
    stage.run_fails("publish vault", "cannot be read", [VERSION])
    damaged.unlink()
    with stage.failpoint("publish.sealed=raise"):
        stage.run_fails("publish failpoint", "publish.sealed", [VERSION])
    with stage.failpoint("publish.mart_exported=full"):
        stage.run_fails("publish disk full", "No space left", [VERSION])
    with speaking(stage.said / "published again.txt"):
        run = stage.world.run([VERSION, "publish/report"])
    assert run.success, run.failures


# -- gates and models -------------------------------------------------------------------


def gates_break(stage: Stage) -> None:
    """The judging of a layer fails, or cannot run on a statement that quotes a card."""
    with stage.failpoint("gate.judged=raise"):
        stage.run_fails("gate failpoint", "gate.judged", [CATALOGUE], anew=True)
    with stage.failpoint("gate.recorded=full"):
        stage.run_fails("gate disk full", "ENOSPC", [CATALOGUE], anew=True)
    vault = stage.world.settings.identifiers_dir

    def cast_a_card(project: Path) -> None:
        _expect(
            project / "expectations" / "staging" / "staging.yaml",
            "stg_catalog__products",
            "expect_share_of_rows_to_be_at_most",
            condition=f"cast({_a_card_of(vault)} as integer) > 0",
            max_share=0.5,
        )

    with stage.project("gate engine error", cast_a_card):
        stage.run_fails("gate engine error", "could not run", [CATALOGUE])


def models_break(stage: Stage) -> None:
    """Dbt stops on values that its own words would quote."""
    vault = stage.world.settings.identifiers_dir
    with stage.failpoint("warehouse.announced=raise"):
        stage.run_fails("warehouse failpoint", "warehouse.announced", [CATALOGUE])
    with stage.failpoint("warehouse.settled=full"):
        stage.run_fails("warehouse disk full", "ENOSPC", [CATALOGUE])

    def break_models(project: Path) -> None:
        staging = project / "dbt_project" / "models" / "staging"
        edit(
            staging / "catalog" / "stg_catalog__products.sql",
            lambda text: text.replace(
                "            department,\n            category,\n",
                f"            cast(cast({_a_card_of(vault)} as integer) as varchar)"
                " as department,\n            category,\n",
            ),
        )
        edit(
            staging / "crm" / "stg_crm__contacts.sql",
            lambda text: (
                f"{text.rstrip()} where length(cast(error({_a_card_of(vault)}) as varchar)) > 0\n"
            ),
        )

    with stage.project("broken models", break_models):
        stage.run_fails("model cast", "stg_catalog__products (Conversion Error)", [CATALOGUE])
        stage.run_fails("model error", "stg_crm__contacts (", [CONTACTS])

    def break_tests(project: Path) -> None:
        tests = project / "dbt_project" / "tests"
        (tests / "assert_a_card_is_a_number.sql").write_text(
            f"select cast({_a_card_of(vault)} as integer) as card"
            " from {{ ref('stg_catalog__products') }}\n"
        )
        (tests / "assert_nobody_is_there.sql").write_text(
            f"select {_a_card_of(vault)} as card from {{{{ ref('stg_crm__contacts') }}}}\n"
        )

    with stage.project("broken tests", break_tests):
        for name, asset in (("test cast", CATALOGUE), ("test rows", CONTACTS)):
            with speaking(stage.said / f"{name}.txt"):
                run = stage.world.run([asset])
            assert any("/ assert_" in check for check in run.failed_checks()), run.failures
            stage.failed.append(name)
    with speaking(stage.said / "repaired.txt"):
        run = stage.world.run()
    assert run.success, run.failures


def _a_card_of(vault: Path) -> str:
    """SQL that reads what no model may read: without it a model never sees a card."""
    return (
        f"(select max(raw) from read_parquet('{vault.as_posix()}/*.parquet') where raw like 'LC%')"
    )


# -- landing ----------------------------------------------------------------------------


def batches_are_refused(stage: Stage) -> None:
    """Every way in which a delivery is turned away, one day or entity each."""
    world = stage.world
    day, rows = stage.day(5)
    rows["household_id"] = PEOPLE["card in a batch refused by its columns"]
    rows[PEOPLE["name that became a column's name"]] = 1
    rows["email"] = PEOPLE["e-mail in a column that no contract knows"]
    world.deliver("transactions", str(day), rows.drop(columns="sales_value"))
    stage.batch_is_refused("refused columns", "missing column sales_value", TRANSACTIONS, day)

    day, rows = stage.day(6)
    rows["household_id"] = PEOPLE["card in a batch refused by its types"]
    who = {"who": PEOPLE["e-mail in a column of numbers"]}
    rows["quantity"] = pd.Series([who] * len(rows), index=rows.index)
    world.deliver("transactions", str(day), rows)
    stage.batch_is_refused("refused types", "rows are bad", TRANSACTIONS, day)

    day, rows = stage.day(7)
    rows["household_id"] = PEOPLE["card in a batch refused by its share"]
    rows["quantity"] = PEOPLE["e-mail in a column of numbers"]
    world.deliver("transactions", str(day), rows)
    stage.batch_is_refused("refused share", "rows are bad", TRANSACTIONS, day)

    day = date(2017, 1, 8)
    path = world.settings.inbox_dir / "complete_journey" / "transactions" / f"{day}.parquet"
    path.write_bytes(b"PAR1" + PEOPLE["value in a file that is no table"].encode() * 99)
    stage.batch_is_refused("refused bytes", "unreadable file", TRANSACTIONS, day)

    products = world.delivered("products")
    products["brand"] = PEOPLE["name in a column of few values"]
    products["product_type"] = PEOPLE["name in a column of free text"]
    world.deliver("products", "snapshot", products)
    stage.batch_is_refused("refused suite", "expect_column_values_to_be_in_set", PRODUCTS)

    named = world.deliver("demographics", "x", world.delivered("demographics"))
    named.rename(named.with_stem(PEOPLE["name in the name of a file"]))
    stage.run_fails("misnamed file", "neither after a business date", [DEMOGRAPHICS])

    base = stage.panel / "transactions.parquet"
    kept = base.read_bytes()
    rows = pd.read_parquet(base)
    rows["transaction_timestamp"] = PEOPLE["address in a column of times"]
    rows.to_parquet(base, index=False)
    day = date(2017, 1, 9)
    stage.batch_is_refused("refused times", "unreadable file", TRANSACTIONS, day)
    base.write_bytes(kept)


def landing_breaks(stage: Stage) -> None:
    """Suites that look at cards, and landing interrupted."""
    contract = Path("expectations") / "landing" / "complete_journey.yaml"
    day, rows = stage.day(10)
    rows["household_id"] = PEOPLE["card in a batch refused by its suite"]
    stage.world.deliver("transactions", str(day), rows)

    def one_line_a_card(project: Path) -> None:
        _expect(
            project / contract,
            "transactions",
            "expect_column_values_to_be_unique",
            column="household_id",
        )

    with stage.project("unique cards", one_line_a_card):
        stage.batch_is_refused(
            "personal suite", "expect_column_values_to_be_unique", TRANSACTIONS, day
        )

    def cast_a_card(project: Path) -> None:
        _expect(
            project / contract,
            "transactions",
            "expect_share_of_rows_to_be_at_most",
            condition="cast({household_id} as integer) > 0",
            max_share=0.5,
        )

    with stage.project("numeric cards", cast_a_card):
        stage.batch_is_refused("landing engine error", "could not run", TRANSACTIONS, day)

    for number, order, recognised_by in (
        (11, "landing.written=raise", "landing.written"),
        (12, "landing.renamed=full", "ENOSPC"),
    ):
        day, rows = stage.day(number)
        stage.world.deliver("transactions", str(day), rows.iloc[:-1])
        with stage.failpoint(order):
            stage.run_fails(order, recognised_by, [TRANSACTIONS], (day, day))


def _expect(path: Path, table: str, kind: str, **arguments: Any) -> None:
    """Add one critical expectation to a suite."""
    document = yaml.safe_load(path.read_text("utf-8"))
    document["tables"][table]["expectations"].append(
        {
            "type": kind,
            "name": "a_test_looks_at_people",
            "kwargs": arguments,
            "severity": "critical",
            "meta": {"because": "a test wants this to fail, since 2026-11"},
        }
    )
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")


# -- commands ---------------------------------------------------------------------------


def commands_fail(stage: Stage) -> None:
    """The command line, from a folder with a `.env`, on a house whose gate is closed."""
    stage.command_fails("query wrong name", "nowhere", "query", "select * from nowhere")
    stage.command_fails(
        "query wrong cast",
        "ConversionException",
        *("query", "--personal"),
        "select cast(identifier_value as integer) from identified.customer_identifier",
    )
    stage.command_fails("publish behind a gate", "contract", "publish")
    stage.command_fails("report", "cannot be written", "report", "--output", "/proc/none/x.html")
    stage.command_fails("run", "contract", "run", "--from", str(FIRST), "--to", str(LAST))
    broken = copy_project(stage.folder / "broken suite")
    suite = broken / "expectations" / "staging" / "staging.yaml"
    suite.write_text(suite.read_text("utf-8").replace("tables:", "no_such_words:", 1), "utf-8")
    stage.command_fails(
        "broken suite", "staging.yaml", "run", environment={"SHOPTHREAD_PROJECT": str(broken)}
    )
    # Dagster's own command: what a step says passes none of our code on its way out.
    tags = {
        "dagster/asset_partition_range_start": "2017-01-05",
        "dagster/asset_partition_range_end": "2017-01-07",
    }
    stage.command_fails(
        "dagster's command",
        "RUN_FAILURE",
        *("job", "execute", "-m", "orchestration.definitions", "-j", "full"),
        *("--tags", json.dumps(tags)),
        module="dagster",
    )
    for arguments in (("status",), ("status", "--format", "json"), ("rollback", "--list")):
        assert stage.command(" ".join(arguments), *arguments).returncode == 0
    assert stage.command("doctor", "doctor").returncode in {0, 1}

    ledger = stage.world.settings.ledger_path
    kept = ledger.read_bytes()
    ledger.write_bytes(b"SQLite format 3\0" + b"damaged" * 999)
    stage.command_fails("damaged ledger", "DatabaseError", "status")
    ledger.write_bytes(kept)


ALL = (
    publishing_fails,
    gates_break,
    models_break,
    batches_are_refused,
    landing_breaks,
    commands_fail,
)
