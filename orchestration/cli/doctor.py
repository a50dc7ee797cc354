"""`shopthread doctor`: is everything here that a run needs, and nothing left that hurts.

Each examination looks at one thing and answers with findings; none changes anything. What
the data is like is not its business: `shopthread status` tells that.
"""

import json
import re
import stat
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli._instance import (
    instance_is_current,
    run_lock_path,
    served_ui,
    shipped_instance_file,
)
from orchestration.cli._ledger_view import LedgerView
from orchestration.cli._outcome import ExitCode, answering
from orchestration.cli._terminal import plural, short_path
from orchestration.cli.status import StatusFormat
from orchestration.settings import (
    PROJECT_DIR,
    Settings,
    SettingsError,
    armed_failpoint,
    load_settings,
)

_OTHERS = 0o077
_PUBLISHED_TO_NOBODY = 0o027
"""What no published file and folder may have: a group may read, nobody else may anything."""
_SHOWN_PATHS = 3
_PANEL_FILES = 8
_MEGA = 1_000_000
_GIGA = 1_000_000_000
_SPECIFIER = re.compile(r"(==|>=|<=|!=|~=|<|>)\s*([0-9][0-9A-Za-z.]*)")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)")


class Grade(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `action` says what to do about it."""

    topic: str
    grade: Grade
    text: str
    action: str = ""


@answering
def doctor(
    output: Annotated[
        StatusFormat, typer.Option("--format", "-f", help="JSON for programs.")
    ] = StatusFormat.TABLE,
) -> None:
    """Examine the installation and the state on disk; change nothing.

    Python and packages against what the project asks for, settings and secrets, who may read
    the state, locks and who holds them, disk space, what killed runs left behind, the instance
    of Dagster.

    \b
    Examples:
      shopthread doctor
      shopthread doctor --format json

    \b
    Exit codes: 0 nothing hurts (notes are possible) · 1 at least one problem
    """
    findings = examine()
    if output is StatusFormat.JSON:
        typer.echo(json.dumps([asdict(item) for item in findings], indent=2, ensure_ascii=False))
    else:
        _show(findings)
    if any(item.grade is Grade.PROBLEM for item in findings):
        raise typer.Exit(ExitCode.FAILED)


def examine() -> list[Finding]:
    """Every finding, in the order of the examinations."""
    findings = list(_python()) + list(_packages())
    try:
        settings = load_settings()
    except SettingsError as error:
        return [*findings, Finding("settings", Grade.PROBLEM, str(error), "set it right")]
    examinations: Sequence[Callable[[Settings], Iterator[Finding]]] = (
        _settings,
        _panel,
        _identity_key,
        _permissions,
        _locks,
        _space,
        _leftovers,
        _stamps,
        _landed_files,
        _write_ahead_logs,
        _instance,
        _published,
        _pinned,
        _addresses,
    )
    for examination in examinations:
        findings += examination(settings)
    return findings


# -- the installation -------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    wanted = _asked().python
    here = ".".join(str(part) for part in sys.version_info[:3])
    if _fits(here, wanted):
        yield Finding("python", Grade.OK, f"{here} ({wanted})")
    else:
        yield Finding(
            "python",
            Grade.PROBLEM,
            f"{here}, the project asks for {wanted}",
            "make setup SHOPTHREAD_PYTHON=/path/to/python3.11",
        )


def _packages() -> Iterator[Finding]:
    asked = [_REQUIREMENT.match(line) for line in _asked().packages]
    found = 0
    for match in asked:
        if match is None:
            continue
        name, wanted = match.group(1), match.group(2).strip()
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("packages", Grade.PROBLEM, f"{name} is not installed", "make setup")
            continue
        if _fits(here, wanted):
            found += 1
        else:
            yield Finding(
                "packages", Grade.PROBLEM, f"{name} is {here}, asked for {wanted}", "make setup"
            )
    shown = ", ".join(
        f"{name} {metadata.version(name)}"
        for name in ("dagster", "dbt-core", "duckdb")
        if _has(name)
    )
    yield Finding("packages", Grade.OK, f"{found} as the project asks ({shown})")


@dataclass(frozen=True)
class _Asked:
    """What the project asks of an installation."""

    python: str
    packages: tuple[str, ...]


def _asked() -> _Asked:
    """From the checkout's pyproject, which is newer than what an installation remembers."""
    path = PROJECT_DIR / "pyproject.toml"
    if path.is_file():
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        return _Asked(str(project["requires-python"]), tuple(project["dependencies"]))
    if not _has("shopthread"):
        return _Asked("", ())
    lines = metadata.requires("shopthread") or []
    python = metadata.metadata("shopthread")["Requires-Python"] or ""
    return _Asked(python, tuple(line for line in lines if "extra ==" not in line))


def _has(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _fits(version: str, wanted: str) -> bool:
    """Whether a release fits `>=2.0,<2.1`; our own requirements need no more than this."""
    here = _release(version)
    for operator, text in _SPECIFIER.findall(wanted):
        there = _release(text)
        width = max(len(here), len(there))
        left, right = _padded(here, width), _padded(there, width)
        answers = {
            "==": left == right,
            "!=": left != right,
            ">=": left >= right,
            "<=": left <= right,
            "<": left < right,
            ">": left > right,
            "~=": left >= right and here[: len(there) - 1] == there[:-1],
        }
        if not answers[operator]:
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def _padded(release: tuple[int, ...], width: int) -> tuple[int, ...]:
    return release + (0,) * (width - len(release))


# -- settings ---------------------------------------------------------------------------


def _settings(settings: Settings) -> Iterator[Finding]:
    problems = []
    if settings.last_day is not None and settings.first_day > settings.last_day:
        problems.append(
            f"the calendar ends ({settings.last_day}) before it begins ({settings.first_day})"
        )
    if armed_failpoint():
        problems.append("SHOPTHREAD_FAILPOINT is set: runs fail on purpose")
    problems += [
        f"{short_path(folder)} is missing"
        for folder in (settings.dbt_project_dir, settings.expectations_dir)
        if not folder.is_dir()
    ]
    for text in problems:
        yield Finding("settings", Grade.PROBLEM, text, "see .env.example for every variable")
    if not problems:
        until = settings.last_day or "today"
        yield Finding(
            "settings",
            Grade.OK,
            f"state in {short_path(settings.home)}, calendar {settings.first_day} to {until}",
        )


def _panel(settings: Settings) -> Iterator[Finding]:
    from orchestration.sources.config import load_sources

    uses_panel = any(
        source.reader.kind == "panel_package"
        for source in load_sources(settings.sources_dir, settings.enabled_sources)
    )
    if not uses_panel:
        return
    try:
        folder = settings.panel_files()
    except SettingsError as error:
        yield Finding("input", Grade.PROBLEM, str(error), "make setup")
        return
    found = len(list(folder.glob("*.parquet")))
    if found < _PANEL_FILES:
        yield Finding(
            "input",
            Grade.PROBLEM,
            f"{found} of {_PANEL_FILES} files of the panel are in {short_path(folder)}",
            "make setup installs the package; SHOPTHREAD_PANEL_DIR names another folder",
        )
        return
    yield Finding("input", Grade.OK, f"the published grocery panel, {found} files")


def _identity_key(settings: Settings) -> Iterator[Finding]:
    from orchestration.sources.config import load_sources

    live = [
        source.source
        for source in load_sources(settings.sources_dir, settings.enabled_sources)
        if source.data_origin == "live"
    ]
    if not settings.uses_demo_key:
        yield Finding("identity key", Grade.OK, "your own")
    elif live:
        yield Finding(
            "identity key",
            Grade.PROBLEM,
            f"the public demo key would tokenise live data of {', '.join(live)}: everybody could "
            "undo its tokens",
            "set SHOPTHREAD_IDENTITY_KEY to a secret of yours before anything is landed",
        )
    else:
        yield Finding(
            "identity key", Grade.OK, "the public demo key; every source is panel or synthetic"
        )


# -- the state on disk ------------------------------------------------------------------


def _permissions(settings: Settings) -> Iterator[Finding]:
    if not settings.home.is_dir():
        yield Finding("permissions", Grade.OK, "no state yet")
        return
    # A closed door to the state closes all of it, save what is published to groups.
    is_closed = settings.home.stat().st_mode & _OTHERS == 0
    exposed = list(_open_to_others(settings.published_dir, _PUBLISHED_TO_NOBODY))
    if not is_closed:
        exposed = [*_open_state(settings), *exposed]
    for path in exposed[:_SHOWN_PATHS]:
        yield Finding(
            "permissions",
            Grade.PROBLEM,
            f"{short_path(path)} is open to others ({path.lstat().st_mode & 0o777:o}); it holds "
            "personal data",
            f"chmod -R go= {short_path(path)}",
        )
    if len(exposed) > _SHOWN_PATHS:
        yield Finding(
            "permissions",
            Grade.PROBLEM,
            f"and {plural(len(exposed) - _SHOWN_PATHS, 'more path')}",
            f"the same for them; chmod go= {short_path(settings.home)} closes the door to all",
        )
    if not exposed:
        yield Finding("permissions", Grade.OK, "the state is closed to others")


def _open_state(settings: Settings) -> Iterator[Path]:
    """Every file and folder of the state that others may use, save what is published."""
    for entry in sorted(settings.home.iterdir()):
        if entry != settings.published_dir:
            yield from _open_to_others(entry, _OTHERS)


def _open_to_others(root: Path, bits: int) -> Iterator[Path]:
    """`root` and what lies below it with any of `bits`; what a closed folder holds is closed."""
    try:
        mode = root.lstat().st_mode
        if stat.S_ISLNK(mode):
            return
        is_open = mode & bits != 0
        if is_open:
            yield root
        if stat.S_ISDIR(mode) and (is_open or bits != _OTHERS):
            for entry in sorted(root.iterdir()):
                yield from _open_to_others(entry, bits)
    except OSError:
        return  # removed meanwhile, or closed to this user as well


def _locks(settings: Settings) -> Iterator[Finding]:
    from orchestration.cli._dagster_history import run_workers
    from orchestration.file_lock import holder_of

    holders = {
        "the warehouse": holder_of(settings.warehouse_lock_path),
        "a command's run": holder_of(run_lock_path(settings)),
    }
    held = [(name, holder) for name, holder in holders.items() if holder]
    held += [("a run", holder) for holder in run_workers(settings)]
    for name, holder in held:
        yield Finding("locks", Grade.NOTE, f"{name}: {holder}", "wait until it ends")
    if not held:
        yield Finding("locks", Grade.OK, "nobody writes")


def _space(settings: Settings) -> Iterator[Finding]:
    from orchestration.disk_space import free_bytes, needed_to_run

    free = free_bytes(settings.home)
    warehouse = settings.warehouse_path
    wanted = needed_to_run(
        _published_bytes(settings), warehouse.stat().st_size if warehouse.exists() else 0
    )
    text = f"{free / _GIGA:.1f} GB free, the next run may need {wanted / _GIGA:.1f}"
    if free < wanted:
        yield Finding(
            "disk",
            Grade.PROBLEM,
            f"{free:,} bytes free, the next run may need {wanted:,}",
            f"free {wanted - free:,} bytes where {short_path(settings.home)} lies",
        )
    else:
        yield Finding("disk", Grade.OK, text)


def _published_bytes(settings: Settings) -> int | None:
    from orchestration.publish import PublishedStateError, current

    try:
        served = current(settings)
    except PublishedStateError:
        return None
    return None if served is None else sum(item.bytes for item in served.manifest.files.values())


def _leftovers(settings: Settings) -> Iterator[Finding]:
    from orchestration.file_lock import holder_of

    if holder_of(settings.warehouse_lock_path) or holder_of(run_lock_path(settings)):
        return
    left = {
        "folder in scratch": _count(settings.scratch_dir, "*"),
        "unfinished version": _count(settings.published_dir, ".building-*"),
        "announced batch": LedgerView(settings.ledger_path).candidates(),
    }
    found = ", ".join(plural(number, name) for name, number in left.items() if number)
    if found:
        yield Finding(
            "leftovers", Grade.NOTE, f"a killed run left {found}", "the next run cleans it up"
        )
    else:
        yield Finding("leftovers", Grade.OK, "killed runs left nothing")


def _stamps(settings: Settings) -> Iterator[Finding]:
    import duckdb

    from orchestration.file_lock import holder_of
    from orchestration.warehouse.stamps import read_stamps

    if not settings.warehouse_path.exists() or holder_of(settings.warehouse_lock_path):
        return
    try:
        stamps = read_stamps(settings, only_look=True)
    except duckdb.Error as error:
        yield Finding(
            "build",
            Grade.PROBLEM,
            f"{short_path(settings.warehouse_path)} cannot be opened ({type(error).__name__})",
            "close what holds it; a damaged one is built again by shopthread run",
        )
        return
    unfinished = sorted(stamp.run_id[:8] for stamp in stamps.values() if stamp.is_building)
    if unfinished:
        runs = ", ".join(sorted(set(unfinished)))
        yield Finding(
            "build",
            Grade.NOTE,
            f"{plural(len(unfinished), 'model')} unfinished since run {runs}",
            "shopthread run builds them again, and only them",
        )
    elif stamps:
        yield Finding("build", Grade.OK, f"{plural(len(stamps), 'model')} finished")


def _landed_files(settings: Settings) -> Iterator[Finding]:
    from orchestration.landing.ledger import Ledger
    from orchestration.landing.stored_files import damaged_files
    from orchestration.sources.config import load_sources

    if not settings.ledger_path.exists():
        return
    entities = [
        (source.source, entity.name)
        for source in load_sources(settings.sources_dir, settings.enabled_sources)
        for entity in source.entities
    ]
    damaged = damaged_files(settings.home, Ledger(settings.ledger_path), entities)
    for item in damaged:
        yield Finding(
            "landing", Grade.PROBLEM, str(item), "shopthread run takes it from its source again"
        )
    if not damaged:
        yield Finding("landing", Grade.OK, "every landed file is what was accepted")


def _write_ahead_logs(settings: Settings) -> Iterator[Finding]:
    from orchestration.file_lock import holder_of

    published = (
        sorted(settings.published_dir.rglob("*.wal")) if settings.published_dir.is_dir() else []
    )
    for path in published:
        yield Finding(
            "logs",
            Grade.PROBLEM,
            f"{short_path(path)}: somebody opened a published file for writing",
            "readers must open it read-only; shopthread rollback serves another version",
        )
    wal = Path(f"{settings.warehouse_path}.wal")
    if wal.exists() and holder_of(settings.warehouse_lock_path) is None:
        yield Finding(
            "logs",
            Grade.NOTE,
            f"{short_path(wal)}: a killed run did not close the warehouse",
            "the next run reads it in",
        )
    elif not published:
        yield Finding("logs", Grade.OK, "no published file was written to")


def _instance(settings: Settings) -> Iterator[Finding]:
    if not settings.dagster_home.is_dir():
        yield Finding("dagster.yaml", Grade.OK, "no instance yet; the first run makes it")
    elif not instance_is_current(settings):
        yield Finding(
            "dagster.yaml",
            Grade.NOTE,
            f"the instance's differs from {short_path(shipped_instance_file())}",
            "the next run copies it; restart a UI that is open",
        )
    else:
        yield Finding("dagster.yaml", Grade.OK, "the instance has the shipped one")


def _published(settings: Settings) -> Iterator[Finding]:
    from orchestration.publish import PublishedStateError, current, examine, served_number

    number = served_number(settings.published_dir)
    if number is None:
        yield Finding("published", Grade.OK, "nothing yet; shopthread demo or shopthread run")
        return
    # The pointer, the link, and every byte of every version that is kept.
    found = examine(settings)
    for item in found:
        is_earlier = "/" in item.file and not item.file.startswith(f"{number}/")
        yield Finding(
            "published",
            Grade.NOTE if is_earlier else Grade.PROBLEM,
            str(item),
            "no rollback goes to that version; it is pruned in time"
            if is_earlier
            else "shopthread publish makes a new version; until then readers get the newest whole one",
        )
    try:
        served = current(settings)
    except PublishedStateError:
        return
    if served is not None and served.fell_back is not None:
        yield Finding("published", Grade.PROBLEM, served.fell_back.message, "shopthread publish")
    if served is not None and not any(item.file.startswith(f"{number}/") for item in found):
        yield Finding(
            "published",
            Grade.OK,
            f"version {served.version} is whole, "
            f"{plural(len(served.manifest.files), 'file')} compared byte by byte",
        )


def _pinned(settings: Settings) -> Iterator[Finding]:
    from orchestration.publish import pinned

    for item in pinned(settings):
        yield Finding(
            "readers",
            Grade.NOTE,
            f"version {item.version} was removed and {item.bytes / _MEGA:,.1f} MB of it stay on "
            f"disk, held by process {', '.join(map(str, item.processes))}",
            "the space is free when they close it",
        )


def _addresses(settings: Settings) -> Iterator[Finding]:
    ui = served_ui(settings)
    where = f"the UI is served on {ui.url}; " if ui is not None else ""
    yield Finding(
        "address",
        Grade.OK,
        f"{where}servers bind to 127.0.0.1 and ask for no password: reach them from elsewhere "
        "through an SSH tunnel, never with --host 0.0.0.0",
    )


def _count(folder: Path, pattern: str) -> int:
    return len(list(folder.glob(pattern))) if folder.is_dir() else 0


# -- showing ----------------------------------------------------------------------------


def _show(findings: Sequence[Finding]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from orchestration.cli._terminal import console, say

    styles = {Grade.OK: "green", Grade.NOTE: "yellow", Grade.PROBLEM: "bold red"}
    table = Table.grid(padding=(0, 2, 0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in findings:
        text = Text(item.text)
        if item.action and item.grade is not Grade.OK:
            text.append(f"\n→ {item.action}", style="bold")
        table.add_row(Text(item.grade.value, style=styles[item.grade]), item.topic, text)
    console().print(Padding(table, (0, 0, 0, 1), expand=False))
    problems = sum(item.grade is Grade.PROBLEM for item in findings)
    notes = sum(item.grade is Grade.NOTE for item in findings)
    say()
    say(f" {plural(problems, 'problem')}, {plural(notes, 'note')}")
