"""Which version is current, which versions exist, and moving back to one of them.

The pointer `published/current.json` is the truth; the symlink `current` follows it for
tools that need one path, and `history.jsonl` tells how it moved. The pointer is sealed by a
digest; where it is damaged, the symlink and the history say what it named. Numbers order
versions, never times. Building versions belongs to `publisher`, leaving a damaged one to
`falling_back`.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from orchestration.publish.damage import Damage, damage_of, listed
from orchestration.publish.durability import (
    append_line,
    exclusive,
    flush_dir,
    replace_symlink,
    replace_text,
)
from orchestration.publish.errors import (
    DamagedError,
    FencedError,
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
_SEAL = "sha256"
_VERSION_NAME = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True)
class FallBack:
    """Readers were moved to an earlier whole version because `damaged_version` is not.

    Without a damaged version the pointer itself was damaged, and names `to_version` again.
    """

    damaged_version: int | None
    to_version: int
    damage: tuple[str, ...]
    at: datetime

    @property
    def message(self) -> str:
        """One sentence for people, with the next action."""
        found = "; ".join(self.damage)
        if self.damaged_version is None:
            return (
                f"the pointer was damaged ({found}); version {self.to_version} is served, which "
                "the link and the history name. `shopthread rollback --list` shows the others"
            )
        return (
            f"version {self.damaged_version} is damaged ({found}), so version {self.to_version} "
            f"is served instead, noticed {self.at:%Y-%m-%d %H:%M} UTC. `shopthread publish` makes "
            "a whole version; `shopthread doctor` names every damaged file"
        )


@dataclass(frozen=True)
class Pointer:
    """What `current.json` says; `fell_back` stays in it until a newer version is published."""

    version: int
    fell_back: FallBack | None = None


@dataclass(frozen=True)
class PublishedVersion:
    """One whole version on disk. Paths are versioned: they never change their content.

    `fell_back` says why readers get this version and not a newer one, where that is so.
    """

    version: int
    directory: Path
    manifest: Manifest
    is_current: bool
    fell_back: FallBack | None = None

    @property
    def analytics_path(self) -> Path:
        return self.directory / ANALYTICS_FILE

    @property
    def identified_path(self) -> Path:
        return self.directory / IDENTIFIED_FILE


def current(settings: Settings) -> PublishedVersion | None:
    """The version readers see now, or None when nothing was ever published.

    Looks only. Raises DamagedError when the pointer or the manifest it leads to is not what
    was written; `fall_back` moves readers off it.
    """
    pointer = read_pointer(settings.published_dir)
    if pointer is None:
        return None
    return load(
        settings.published_dir, pointer.version, is_current=True, fell_back=pointer.fell_back
    )


def versions(settings: Settings) -> tuple[PublishedVersion, ...]:
    """All versions with a manifest that can be read, oldest first."""
    published_dir = settings.published_dir
    now = served_number(published_dir)
    unseen = never_current(published_dir)
    found = []
    for number in version_numbers(published_dir):
        if number not in unseen:
            try:
                found.append(load(published_dir, number, is_current=number == now))
            except DamagedError:
                continue  # `shopthread doctor` tells it
    return tuple(found)


def version(settings: Settings, number: int) -> PublishedVersion:
    """One version by number.

    Raises UnknownVersionError, which lists the versions there are, and DamagedError when the
    manifest of this one is not what was written.
    """
    published_dir = settings.published_dir
    numbers = version_numbers(published_dir)
    if number not in numbers or number in never_current(published_dir):
        kept = ", ".join(str(found.version) for found in versions(settings)) or "none"
        raise UnknownVersionError(
            f"version {number} is not in {published_dir}; kept versions: {kept}. "
            "The current version is untouched. Name one of these"
        )
    return load(published_dir, number, is_current=number == served_number(published_dir))


def rollback(
    settings: Settings, to: int | None = None, *, reason: str = "", at: datetime | None = None
) -> PublishedVersion:
    """Let readers see an earlier version again; without `to`, the parent of the current one.

    Moves the pointer only: no data is written, and the version that was current stays on
    disk. Naming the current version changes nothing. Every byte of the chosen version is
    compared with its manifest first. Raises UnknownVersionError when the version is not there
    or not whole, DamagedError when the current one cannot say what its parent is.
    """
    published_dir = settings.published_dir
    now = served_number(published_dir)
    if now is None:
        raise UnknownVersionError(
            f"nothing is published in {published_dir}, so there is nothing to go back to. "
            "Publish first: `shopthread run`"
        )
    target = to if to is not None else read_manifest(published_dir / str(now)).parent
    if target is None:
        kept = ", ".join(str(found.version) for found in versions(settings)) or "none"
        raise UnknownVersionError(
            f"version {now} was published without a parent, so there is no version "
            f"before it. It stays current. Kept versions: {kept}; name one "
            "with --to"
        )
    _require_whole(settings, target)
    version(settings, target)  # raises for one that is not there or was never current
    moment = at or datetime.now(UTC)
    with private_umask(), pointer_lock(published_dir, f"rollback to {target}"):
        before = _readable_pointer(published_dir)
        if before is not None and before.version == target:
            return load(published_dir, target, is_current=True, fell_back=before.fell_back)
        _require_place(settings, target)
        alarm = before.fell_back if before is not None else None
        if alarm is not None and alarm.damaged_version == target:
            alarm = None  # it was found whole just now
        move(published_dir, target, moved_by="rollback", at=moment, fell_back=alarm)
        moved_from = None if before is None else before.version
        record(
            published_dir,
            {"event": "rolled_back", "from": moved_from, "to": target, "reason": reason},
            at=moment,
        )
    return load(published_dir, target, is_current=True, fell_back=alarm)


def history(settings: Settings) -> tuple[Mapping[str, object], ...]:
    """Every move of the pointer and every removal, oldest first; a torn last line is left out."""
    return tuple(_read_history(settings.published_dir))


def make_current(
    building: Path, manifest: Manifest, *, expected: int | None, told: Callable[[str], None]
) -> None:
    """Give the flushed folder `building` its number and let readers see it.

    `told` hears each step as it is done. Raises FencedError, with nothing moved, when the
    current version is no longer `expected`. Where the pointer cannot be moved, the folder is
    removed again.
    """
    published_dir = building.parent
    with pointer_lock(published_dir, f"publish by run {manifest.run_id}"):
        require_parent(published_dir, manifest.run_id, expected)
        # Said first, so that a folder whose publish was killed here can be told from one
        # that readers may know, and its number is never used again.
        record(published_dir, {"event": "placing", "version": manifest.version})
        placed = published_dir / str(manifest.version)
        building.rename(placed)
        try:
            flush_dir(published_dir)
            told("placed")
            _write_pointer(
                published_dir,
                manifest.version,
                manifest,
                moved_by="publish",
                at=manifest.published_at,
            )
        except OSError:
            if current_number(published_dir) != manifest.version:
                placed.rename(building)
                shutil.rmtree(building, ignore_errors=True)
            raise
        told("pointer_moved")
        replace_symlink(published_dir / CURRENT_LINK, str(manifest.version))
        told("link_moved")
        _record_publish(published_dir, manifest.version, manifest)
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
        "run published, somebody rolled back or readers left a damaged version meanwhile. Nothing "
        "was published and what is current stays served. Start a new run, which builds on it: "
        "`shopthread run`"
    )


def repair(published_dir: Path) -> None:
    """Finish what a kill after the pointer's move left undone: the symlink and the history."""
    with pointer_lock(published_dir, "repair of the link and the history"):
        pointer = read_pointer(published_dir)
        if pointer is None:
            return
        number = pointer.version
        if link_damage(published_dir, number):
            replace_symlink(published_dir / CURRENT_LINK, str(number))
        if number in _numbers_of("placing", published_dir) and number not in _numbers_of(
            "published", published_dir
        ):
            _record_publish(published_dir, number, _readable_manifest(published_dir, number))
        alarm = pointer.fell_back
        if alarm is not None and not any(
            event.get("event") == "fell_back" and event.get("from") == alarm.damaged_version
            for event in _read_history(published_dir)
        ):
            record_fall_back(published_dir, alarm)


def current_number(published_dir: Path) -> int | None:
    """The number in the pointer, without looking at the version itself."""
    pointer = read_pointer(published_dir)
    return None if pointer is None else pointer.version


def read_pointer(published_dir: Path) -> Pointer | None:
    """What the pointer says, or None when nothing was ever published.

    Raises DamagedError unless it is what was written, or `{"version": <n>}` put there by hand.
    """
    path = published_dir / POINTER_FILE
    try:
        return _parsed(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        if not (published_dir / CURRENT_LINK).is_symlink():
            return None
        raise _damaged_pointer(published_dir, "it is gone") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged_pointer(published_dir, type(error).__name__) from error


def served_number(published_dir: Path) -> int | None:
    """The number in the pointer; of a damaged one, what its witnesses say it was.

    The witnesses are the symlink, then the history, then the newest version on disk.
    """
    try:
        return current_number(published_dir)
    except DamagedError:
        numbers = version_numbers(published_dir)
        told = [_linked_number(published_dir)]
        told += [_moved_to(event) for event in reversed(_read_history(published_dir))]
        told += reversed(numbers)
        return next((number for number in told if number in numbers), None)


def pointer_damage(published_dir: Path) -> tuple[Damage, ...]:
    """What is wrong with the pointer and with the symlink that follows it."""
    try:
        number = current_number(published_dir)
    except DamagedError:
        return (Damage(POINTER_FILE, "is missing or not what was written"),)
    return () if number is None else link_damage(published_dir, number)


def link_damage(published_dir: Path, number: int) -> tuple[Damage, ...]:
    """What is wrong with the symlink while version `number` is served."""
    if _linked_number(published_dir) == number:
        return ()
    return (Damage(CURRENT_LINK, f"does not lead to version {number}, which is served"),)


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
    """The whole folder of a publish that was killed before the pointer moved.

    Only what the history says was being placed and never published: a lost history makes
    no version removable. Every publish cleans up before it builds, so this can only be the
    newest folder: a damaged line about an older one makes that one no leftover.
    """
    newest = version_numbers(published_dir)[-1:]
    unseen = _numbers_of("placing", published_dir) - _numbers_of("published", published_dir)
    unseen -= {served_number(published_dir) or 0}
    return [number for number in newest if number in unseen]


def next_number(published_dir: Path) -> int:
    """The next number that was never used, also not by a pruned or discarded version."""
    used = [number for event in _read_history(published_dir) for number in _numbers(event)]
    return max([*used, *version_numbers(published_dir), served_number(published_dir) or 0]) + 1


def fell_back_to(published_dir: Path, parent: int, found: int) -> bool:
    """Whether readers came from `parent` to `found` by falling back only."""
    number = found
    for event in reversed(_read_history(published_dir)):
        if _moved_to(event) is None:
            continue
        came_from = event.get("from")
        if (
            event.get("event") != "fell_back"
            or event.get("to") != number
            or not isinstance(came_from, int)
        ):
            return False
        number = came_from
        if number == parent:
            return True
    return False


def record(published_dir: Path, event: Mapping[str, object], *, at: datetime | None = None) -> None:
    """Append one event, with its time in UTC, to the history."""
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    line = json.dumps({"at": moment.isoformat(timespec="seconds"), **event})
    append_line(published_dir / HISTORY_FILE, line, mode=_HISTORY_MODE)


def record_fall_back(published_dir: Path, fallen: FallBack) -> None:
    """Tell the history that readers fell back, or that the pointer was put right."""
    event = "pointer_repaired" if fallen.damaged_version is None else "fell_back"
    record(
        published_dir,
        {
            "event": event,
            "from": fallen.damaged_version,
            "to": fallen.to_version,
            "damage": list(fallen.damage),
        },
        at=fallen.at,
    )


def move(
    published_dir: Path, number: int, *, moved_by: str, at: datetime, fell_back: FallBack | None
) -> None:
    """Let the pointer and the symlink name a version. The caller holds the pointer's lock."""
    manifest = _readable_manifest(published_dir, number)
    _write_pointer(published_dir, number, manifest, moved_by=moved_by, at=at, fell_back=fell_back)
    replace_symlink(published_dir / CURRENT_LINK, str(number))


def load(
    published_dir: Path, number: int, *, is_current: bool, fell_back: FallBack | None = None
) -> PublishedVersion:
    """A version by the number of its folder; raises DamagedError when that is not one."""
    # Resolved, so that a reader's path stays the same file however links move afterwards.
    directory = (published_dir / str(number)).resolve()
    return PublishedVersion(number, directory, read_manifest(directory), is_current, fell_back)


def _record_publish(published_dir: Path, number: int, manifest: Manifest | None) -> None:
    record(
        published_dir,
        {
            "event": "published",
            "version": number,
            "parent": None if manifest is None else manifest.parent,
            "run_id": None if manifest is None else manifest.run_id,
        },
        at=None if manifest is None else manifest.published_at,
    )


def _write_pointer(
    published_dir: Path,
    number: int,
    manifest: Manifest | None,
    *,
    moved_by: str,
    at: datetime,
    fell_back: FallBack | None = None,
) -> None:
    pointer: dict[str, object] = {
        "version": number,
        "directory": str(number),
        "run_id": None if manifest is None else manifest.run_id,
        "published_at": None
        if manifest is None
        else manifest.published_at.isoformat(timespec="seconds"),
        "moved_at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "moved_by": moved_by,
        "fell_back": None
        if fell_back is None
        else {
            "from": fell_back.damaged_version,
            "to": fell_back.to_version,
            "damage": list(fell_back.damage),
            "at": fell_back.at.astimezone(UTC).isoformat(timespec="seconds"),
        },
    }
    pointer[_SEAL] = _seal_of(pointer)
    text = json.dumps(pointer, indent=2) + "\n"
    replace_text(published_dir / POINTER_FILE, text, mode=_POINTER_MODE)


def _parsed(pointer: dict[str, object]) -> Pointer:
    """Raises ValueError, KeyError or TypeError for what was not written by us or by a hand."""
    number = pointer["version"]
    if not isinstance(number, int):
        raise TypeError("the version is not a number")
    if pointer.keys() == {"version"}:
        return Pointer(number)
    if pointer.pop(_SEAL) != _seal_of(pointer):
        raise ValueError("the seal does not fit")
    told = pointer["fell_back"]
    if not isinstance(told, dict):
        return Pointer(number)
    return Pointer(
        number,
        FallBack(
            damaged_version=told["from"],
            to_version=told["to"],
            damage=tuple(told["damage"]),
            at=datetime.fromisoformat(told["at"]),
        ),
    )


def _seal_of(pointer: Mapping[str, object]) -> str:
    return sha256(json.dumps(pointer, sort_keys=True).encode()).hexdigest()


def _damaged_pointer(published_dir: Path, why: str) -> DamagedError:
    return DamagedError(
        f"{published_dir / POINTER_FILE} is damaged or is not a pointer of this product ({why}). "
        f"All versions are kept: {version_numbers(published_dir)}. `shopthread status` puts it "
        'right from the link and the history; or write {"version": <n>} into it, with the number '
        "of the version to serve"
    )


def _readable_manifest(published_dir: Path, number: int) -> Manifest | None:
    try:
        return read_manifest(published_dir / str(number))
    except DamagedError:
        return None


def _readable_pointer(published_dir: Path) -> Pointer | None:
    try:
        return read_pointer(published_dir)
    except DamagedError:
        return None


def _require_place(settings: Settings, number: int) -> None:
    """Raise UnknownVersionError when the folder was removed meanwhile."""
    if number not in version_numbers(settings.published_dir):
        raise UnknownVersionError(
            f"version {number} was removed while its files were compared. The current version is "
            "untouched. Choose another version"
        )


def _require_whole(settings: Settings, number: int) -> None:
    if number not in version_numbers(settings.published_dir):
        return  # unknown, which is said with the versions there are
    damage = damage_of(settings.published_dir / str(number))
    if damage:
        raise UnknownVersionError(
            f"version {number} is not whole: {listed(damage)}. The current version is untouched. "
            "Choose another version"
        )


def _linked_number(published_dir: Path) -> int | None:
    link = published_dir / CURRENT_LINK
    target = str(link.readlink()) if link.is_symlink() else ""
    return int(target) if _VERSION_NAME.fullmatch(target) else None


def _moved_to(event: Mapping[str, object]) -> int | None:
    """Which version an event of the history made current, if it moved the pointer."""
    name = {"published": "version", "rolled_back": "to", "fell_back": "to"}.get(
        str(event.get("event")), ""
    )
    number = event.get(name)
    return number if isinstance(number, int) else None


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
