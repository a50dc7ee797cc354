"""A whole Shopthread in a temporary folder: a tiny panel, an instance, real Dagster runs.

A world is built once and copied for each test; everything in it is relative to its home.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from orchestration.components.calendar import range_tags
from orchestration.landing.ledger import Ledger
from orchestration.publish import current
from orchestration.settings import PROJECT_DIR, Settings, apply_environment, load_settings

FIRST = date(2017, 1, 1)
LAST = date(2017, 1, 14)

PUBLISHED = dg.AssetKey(["publish", "published_version"])
REPORT = dg.AssetKey(["publish", "report"])


@dataclass(frozen=True)
class Run:
    """What a finished run left in the instance."""

    run_id: str
    success: bool
    materialised: frozenset[str]
    checks: Mapping[tuple[str, str], dg.AssetCheckEvaluation]
    failures: Mapping[str, str]
    """Step -> what its error says."""
    reasons: Mapping[str, str]
    """Step -> the sentence it gave as the reason of its failure, where it gave one."""

    def failed_checks(self) -> set[str]:
        """`asset / check` of every check that failed as an error."""
        return {
            f"{asset} / {name}"
            for (asset, name), evaluation in self.checks.items()
            if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR
        }

    def built(self, layer: str) -> set[str]:
        """Materialised assets whose key begins with `layer`."""
        return {name for name in self.materialised if name.startswith(f"{layer}/")}


@dataclass
class World:
    """One home with its environment; runs happen in this process, on its own instance."""

    environment: dict[str, str]
    patch: pytest.MonkeyPatch
    definitions: dg.Definitions | None = field(default=None, repr=False)

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_path)

    def enter(self) -> None:
        """Make this world's variables those of the process."""
        for name, value in self.environment.items():
            self.patch.setenv(name, value)
        self.patch.setenv("DAGSTER_HOME", str(self.settings.dagster_home))
        apply_environment(self.settings)
        self.settings.dagster_home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT_DIR / "dagster.yaml", self.settings.dagster_home / "dagster.yaml")

    def instance(self) -> dg.DagsterInstance:
        """The instance as shipped."""
        self.enter()
        return dg.DagsterInstance.get()

    def defs(self) -> dg.Definitions:
        """Definitions of this world's project, built when first asked for."""
        if self.definitions is None:
            self.enter()
            from orchestration import definitions
            from orchestration.components.calendar import business_dates
            from orchestration.components.guard import project_graph

            business_dates.cache_clear()
            project_graph.cache_clear()
            self.definitions = definitions.build_defs()
            self.patch.setattr(definitions, "defs", self.definitions)
        return self.definitions

    def use_project(self, folder: Path) -> None:
        """Run another project from now on, as a restarted code server would."""
        self.environment["SHOPTHREAD_PROJECT"] = str(folder)
        self.definitions = None

    def use_own_project(self) -> None:
        """Run this repository's project again."""
        self.environment.pop("SHOPTHREAD_PROJECT", None)
        self.patch.delenv("SHOPTHREAD_PROJECT", raising=False)
        self.definitions = None

    def run(
        self,
        assets: Sequence[str] | None = None,
        *,
        days: tuple[date, date] | None = None,
        tags: Mapping[str, str] | None = None,
        without_checks: bool = False,
        only_check: tuple[str, str] | None = None,
    ) -> Run:
        """Run job `full`, some of its assets or one of its checks, in this process."""
        instance = self.instance()
        job = self.defs().resolve_job_def("full")
        keys = None if assets is None else [dg.AssetKey(name.split("/")) for name in assets]
        all_tags = {**(range_tags(*days) if days else {}), **(tags or {})}
        if without_checks:
            if keys is None:
                raise ValueError("name the assets when their checks are left out")
            job = job.get_subset(asset_selection=set(keys), asset_check_selection=set())
            keys = None
        if only_check is not None:
            asset, name = only_check
            check = dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name)
            job = job.get_subset(asset_selection=set(), asset_check_selection={check})
            keys = None
        result = job.execute_in_process(
            instance=instance, asset_selection=keys, raise_on_error=False, tags=all_tags
        )
        return _run(instance, result.run_id, result.success)

    def run_of(self, run_id: str) -> Run:
        """A run that somebody else made on this world's instance."""
        instance = self.instance()
        found = instance.get_run_by_id(run_id)
        assert found is not None
        return _run(instance, run_id, found.is_success)

    def latest_run_id(self) -> str:
        (newest,) = self.instance().get_runs(limit=1)
        return newest.run_id

    def deliver(self, entity: str, partition: str, rows: pd.DataFrame) -> Path:
        """Drop a file into the inbox of the panel's source."""
        path = self.settings.inbox_dir / "complete_journey" / entity / f"{partition}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(path, index=False)
        return path

    def delivered(self, entity: str) -> pd.DataFrame:
        """The rows of an entity's base file."""
        return pd.read_parquet(self.settings.panel_files() / f"{entity}.parquet")

    def day_of_transactions(self, day: date) -> pd.DataFrame:
        """The base file's rows of one business date in the stores' zone."""
        rows = self.delivered("transactions")
        local = (
            rows["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
        )
        return rows[local.dt.date == day].reset_index(drop=True)

    def published_version(self) -> int | None:
        version = current(self.settings)
        return None if version is None else version.version


def run_whole(environment: Mapping[str, str]) -> None:
    """One full run in this process; raises when it fails."""
    with pytest.MonkeyPatch.context() as patch:
        run = World(dict(environment), patch).run()
        assert run.success, run.failures


def _run(instance: dg.DagsterInstance, run_id: str, success: bool) -> Run:
    materialised: set[str] = set()
    checks: dict[tuple[str, str], dg.AssetCheckEvaluation] = {}
    failures: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_materialization and event.asset_key is not None:
            materialised.add(event.asset_key.to_user_string())
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            checks[(evaluation.asset_key.to_user_string(), evaluation.check_name)] = evaluation
        elif event.is_step_failure:
            failures[str(event.step_key)] = _error_text(event)
            given = event.step_failure_data.user_failure_data
            if given is not None and given.description:
                reasons[str(event.step_key)] = given.description
    return Run(run_id, success, frozenset(materialised), checks, failures, reasons)


def _error_text(event: Any) -> str:
    data = event.step_failure_data
    parts = [str(data.error)] if data.error else []
    if data.user_failure_data is not None and data.user_failure_data.description:
        parts.append(data.user_failure_data.description)
    return " ".join(parts)


def copy_project(folder: Path) -> Path:
    """A project whose models and suites a test may break."""
    for name in ("dbt_project", "expectations"):
        shutil.copytree(
            PROJECT_DIR / name,
            folder / name,
            ignore=shutil.ignore_patterns("logs", "dbt_packages"),
        )
    return folder


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Rewrite a text file; a change that changes nothing is a mistake of the test."""
    before = path.read_text("utf-8")
    after = change(before)
    if after == before:
        raise AssertionError(f"{path.name} was not changed")
    path.write_text(after, "utf-8")
