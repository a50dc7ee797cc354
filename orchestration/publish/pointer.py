"""Which version is current, which versions exist, and moving back to one of them.

The pointer `published/current.json` is the truth; the symlink `current` follows it for
tools that need one path, and `history.jsonl` tells how it moved. Building versions belongs
to `publisher`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.publish.durability import (
    append_line,
    exclusive,
    flush_dir,
    replace_symlink,
    replace_text,
)
from orchestration.publish.errors import (
    FencedError,
    PublishedStateError,
    PublishError,
    UnknownVersionError,
)
from orchestration.publish.manifest import Manifest, read_manifest
from orchestration.publish.permissions import IDENTIFIED_FILE, private_umask
from orchestration.settings import Settings

ANALYTICS_FILE = "analytics.duckdb"
POINTER_FILE = "current.json"
CURRENT_LINK = "current"
HISTORY_FILE = "history.jsonl"

_POINTER_LOCK = ".pointer.lock"
_POINTER_MODE = 0o440
_HISTORY_MODE = 0o640
_VERSION_NAME = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True)
class PublishedVersion:
    """One whole version on disk. Paths are versioned: they never change their content."""

    version: int
    directory: Path
    manifest: Manifest
    is_current: bool

    @property
    def analytics_path(self) -> Path:
        return self.directory / ANALYTICS_FILE

    @property
    def identified_path(self) -> Path:
        return self.directory / IDENTIFIED_FILE


def current(settings: Settings) -> PublishedVersion | None:
    """The version readers see now, or None when nothing was ever published.

    Raises PublishedStateError when the pointer names a version that is not whole.
    """
    number = current_number(settings.published_dir)
    if number is None:
        return None
    return _load(settings.published_dir, number, is_current=True)


def versions(settings: Settings) -> tuple[PublishedVersion, ...]:
    """All versions that can be read or rolled back to, oldest first."""
    published_dir = settings.published_dir
    now = current_number(published_dir)
    unseen = never_current(published_dir)
    return tuple(
        _load(published_dir, number, is_current=number == now)
        for number in version_numbers(published_dir)
        if number not in unseen
    )


def version(settings: Settings, number: int) -> PublishedVersion:
    """One version by number.

    Raises UnknownVersionError, which lists the versions there are.
    """
    known = {found.version: found for found in versions(settings)}
    if number not in known:
        raise UnknownVersionError(
            f"version {number} is not in {settings.published_dir}; kept versions: "
            f"{_listed(known)}. The current version is untouched. Name one of these"
        )
    return known[number]


def rollback(
    settings: Settings, to: int | None = None, *, reason: str = "", at: datetime | None = None
) -> PublishedVersion:
    """Let readers see an earlier version again; without `to`, the parent of the current one.

    Moves the pointer only: no data is written, and the version that was current stays on
    disk. Naming the current version changes nothing. Raises UnknownVersionError when the
    version is not there or not whole.
    """
    published_dir = settings.published_dir
    now = current(settings)
    if now is None:
        raise UnknownVersionError(
            f"nothing is published in {published_dir}, so there is nothing to go back to. "
            "Publish first: `shopthread run`"
        )
    target = to if to is not None else now.manifest.parent
    if target is None:
        raise UnknownVersionError(
            f"version {now.version} was published without a parent, so there is no version "
            f"before it. It stays current. Kept versions: {_listed_on_disk(settings)}; name one "
            "with --to"
        )
    chosen = version(settings, target)
    _require_whole(chosen)
    if chosen.version == now.version:
        return chosen
    with private_umask(), pointer_lock(published_dir, f"rollback to {target}"):
        moved_from = current_number(published_dir)
        _require_whole(version(settings, target))
        _move(published_dir, chosen.manifest, moved_by="rollback", at=at or datetime.now(UTC))
        record(
            published_dir,
            {"event": "rolled_back", "from": moved_from, "to": target, "reason": reason},
            at=at,
        )
    return _load(published_dir, target, is_current=True)


def history(settings: Settings) -> tuple[Mapping[str, object], ...]:
    """Every move of the pointer and every removal, oldest first; a torn last line is left out."""
    return tuple(_read_history(settings.published_dir))


def make_current(
    building: Path, manifest: Manifest, *, expected: int | None, told: Callable[[str], None]
) -> None:
    """Give the flushed folder `building` its number and let readers see it.

    `told` hears each step as it is done. Raises FencedError, with nothing moved, when the
    current version is no longer `expected`.
    """
    published_dir = building.parent
    with pointer_lock(published_dir, f"publish by run {manifest.run_id}"):
        require_parent(published_dir, manifest.run_id, expected)
        # Said first, so that a folder whose publish was killed here can be told from one
        # that readers may know, and its number is never used again.
        record(published_dir, {"event": "placing", "version": manifest.version})
        building.rename(published_dir / str(manifest.version))
        flush_dir(published_dir)
        told("placed")
        _write_pointer(published_dir, manifest, moved_by="publish", at=manifest.published_at)
        told("pointer_moved")
        replace_symlink(published_dir / CURRENT_LINK, str(manifest.version))
        told("link_moved")
        _record_publish(published_dir, manifest)
        told("recorded")


def require_parent(published_dir: Path, run_id: str, expected: int | None) -> None:
    """Raise FencedError unless `expected` is the current version."""
    found = current_number(published_dir)
    if found == expected:
        return
    built_from = "nothing" if expected is None else f"version {expected}"
    now = "nothing is current" if found is None else f"version {found} is current"
    raise FencedError(
        f"run {run_id} was built from {built_from}, but now {now} in {published_dir}: another "
        "run published or somebody rolled back meanwhile. Nothing was published and what is "
        "current stays served. Start a new run, which builds on it: `shopthread run`"
    )


def repair(published_dir: Path) -> None:
    """Finish what a kill after the pointer's move left undone: the symlink and the history."""
    with pointer_lock(published_dir, "repair before a publish"):
        number = current_number(published_dir)
        if number is None:
            return
        link = published_dir / CURRENT_LINK
        if not link.is_symlink() or str(link.readlink()) != str(number):
            replace_symlink(link, str(number))
        if number in _numbers_of("placing", published_dir) and number not in _numbers_of(
            "published", published_dir
        ):
            _record_publish(published_dir, read_manifest(published_dir / str(number)))


def current_number(published_dir: Path) -> int | None:
    """The number in the pointer, without looking at the version itself."""
    path = published_dir / POINTER_FILE
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["version"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise PublishedStateError(
            f"{path} is not a pointer of this product ({type(error).__name__}); something else "
            f"wrote it. All versions are kept: {version_numbers(published_dir)}. Put back "
            '{"version": <n>} with the number of the version to serve'
        ) from error


def version_numbers(published_dir: Path) -> list[int]:
    """Numbers of the version folders on disk, also of one that was never current."""
    if not published_dir.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in published_dir.iterdir()
        if _VERSION_NAME.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink()
    )


def never_current(published_dir: Path) -> list[int]:
    """Whole folders of publishes that were killed before the pointer moved.

    Only what the history says was being placed and never published: a lost history makes
    no version removable.
    """
    unseen = _numbers_of("placing", published_dir) - _numbers_of("published", published_dir)
    unseen -= {current_number(published_dir) or 0}
    return [number for number in version_numbers(published_dir) if number in unseen]


def next_number(published_dir: Path) -> int:
    """The next number that was never used, also not by a pruned or discarded version."""
    used = [number for event in _read_history(published_dir) for number in _numbers(event)]
    return max([*used, *version_numbers(published_dir), current_number(published_dir) or 0]) + 1


def record(published_dir: Path, event: Mapping[str, object], *, at: datetime | None = None) -> None:
    """Append one event, with its time in UTC, to the history."""
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    line = json.dumps({"at": moment.isoformat(timespec="seconds"), **event})
    append_line(published_dir / HISTORY_FILE, line, mode=_HISTORY_MODE)


def _record_publish(published_dir: Path, manifest: Manifest) -> None:
    record(
        published_dir,
        {
            "event": "published",
            "version": manifest.version,
            "parent": manifest.parent,
            "run_id": manifest.run_id,
        },
        at=manifest.published_at,
    )


def _move(published_dir: Path, manifest: Manifest, *, moved_by: str, at: datetime) -> None:
    _write_pointer(published_dir, manifest, moved_by=moved_by, at=at)
    replace_symlink(published_dir / CURRENT_LINK, str(manifest.version))


def _write_pointer(published_dir: Path, manifest: Manifest, *, moved_by: str, at: datetime) -> None:
    pointer = {
        "version": manifest.version,
        "directory": str(manifest.version),
        "run_id": manifest.run_id,
        "published_at": manifest.published_at.isoformat(timespec="seconds"),
        "moved_at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "moved_by": moved_by,
    }
    text = json.dumps(pointer, indent=2) + "\n"
    replace_text(published_dir / POINTER_FILE, text, mode=_POINTER_MODE)


def _load(published_dir: Path, number: int, *, is_current: bool) -> PublishedVersion:
    # Resolved, so that a reader's path stays the same file however links move afterwards.
    directory = (published_dir / str(number)).resolve()
    return PublishedVersion(number, directory, read_manifest(directory), is_current)


def _require_whole(candidate: PublishedVersion) -> None:
    for name, entry in candidate.manifest.files.items():
        path = candidate.directory / name
        if not path.is_file() or path.stat().st_size != entry.bytes:
            raise UnknownVersionError(
                f"version {candidate.version} is not whole: {path} is missing or has not the "
                f"{entry.bytes} bytes of its manifest. The current version is untouched. Choose "
                "another version"
            )


def _numbers_of(event: str, published_dir: Path) -> set[int]:
    return {
        number
        for line in _read_history(published_dir)
        if line.get("event") == event
        for number in _numbers(line)
    }


def _numbers(event: Mapping[str, object]) -> list[int]:
    number = event.get("version")
    return [number] if isinstance(number, int) else []


def _read_history(published_dir: Path) -> list[Mapping[str, object]]:
    try:
        lines = (published_dir / HISTORY_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    events: list[Mapping[str, object]] = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a kill in the middle of a write
        if isinstance(event, dict):
            events.append(event)
    return events


def _listed(numbers: Mapping[int, object]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"


def _listed_on_disk(settings: Settings) -> str:
    return _listed({found.version: found for found in versions(settings)})


@contextmanager
def pointer_lock(published_dir: Path, holder: str) -> Iterator[None]:
    """Hold the short lock under which the pointer is read and moved."""
    try:
        with exclusive(published_dir / _POINTER_LOCK, holder=holder, wait_seconds=10):
            yield
    except FileNotFoundError as error:
        raise PublishError(
            f"{published_dir} does not exist, so no version can become current. Publish first: "
            "`shopthread run`"
        ) from error
