"""The folder of the Dagster instance: private, with the dagster.yaml that is shipped.

Nothing of Dagster is imported. The UI's address is kept beside it, so that every command
can name it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import PROJECT_DIR, Settings, apply_environment

INSTANCE_FILE = "dagster.yaml"
_UI_FILE = "ui.json"
_PRIVATE = 0o700


@dataclass(frozen=True)
class ServedUi:
    """A UI that this command serves: its process and its address."""

    pid: int
    url: str


def shipped_instance_file() -> Path:
    """The dagster.yaml beside the code."""
    return PROJECT_DIR / INSTANCE_FILE


def instance_is_current(settings: Settings) -> bool:
    """Whether the instance has the dagster.yaml that is shipped."""
    ours = shipped_instance_file()
    theirs = settings.dagster_home / INSTANCE_FILE
    return theirs.is_file() and (not ours.is_file() or theirs.read_bytes() == ours.read_bytes())


def ensure_instance(settings: Settings) -> None:
    """Make the instance's folder and bring its dagster.yaml up to date. Idempotent."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    settings.dagster_home.mkdir(exist_ok=True, mode=_PRIVATE)
    if not instance_is_current(settings):
        target = settings.dagster_home / INSTANCE_FILE
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_bytes(shipped_instance_file().read_bytes())
        temporary.replace(target)
    apply_environment(settings)


def run_lock_path(settings: Settings) -> Path:
    """Held for the whole of a run that is executed in a command's own process."""
    return settings.home / "warehouse" / "run.lock"


def run_log_path(settings: Settings) -> Path:
    """What the steps of the last run in a command's own process wrote."""
    return settings.home / "logs" / "last-run.log"


def ui_log_path(settings: Settings) -> Path:
    """What the UI that a command serves wrote."""
    return settings.home / "logs" / "ui.log"


def private_log(path: Path) -> int:
    """A descriptor of an empty log file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)


def remember_ui(settings: Settings, url: str) -> None:
    """Note where this process serves the UI."""
    path = settings.dagster_home / _UI_FILE
    path.write_text(json.dumps({"pid": os.getpid(), "url": url}), "utf-8")


def forget_ui(settings: Settings) -> None:
    """The UI is gone."""
    (settings.dagster_home / _UI_FILE).unlink(missing_ok=True)


def served_ui(settings: Settings) -> ServedUi | None:
    """The UI that a command of this product serves now, if its process is alive."""
    try:
        noted = json.loads((settings.dagster_home / _UI_FILE).read_text("utf-8"))
        found = ServedUi(int(noted["pid"]), str(noted["url"]))
        os.kill(found.pid, 0)
    except PermissionError:
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found
