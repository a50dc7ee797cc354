"""Leave a damaged version: readers get the newest earlier one that is whole, and an alarm.

Never forward, because a version that somebody rolled back from is newer and may be wrong.
Nothing is removed: a damaged file is evidence, and a reader may have it open. The alarm
stays in the pointer until a newer version is published. Finding damage is `damage`'s, the
pointer's own shape `pointer`'s.
"""

from datetime import UTC, datetime
from pathlib import Path

from orchestration.publish.damage import Damage, Depth, damage_of, listed
from orchestration.publish.errors import DamagedError, NoWholeVersionError
from orchestration.publish.permissions import private_umask
from orchestration.publish.pointer import (
    FallBack,
    current_number,
    move,
    never_current,
    pointer_damage,
    pointer_lock,
    read_pointer,
    record_fall_back,
    repair,
    served_number,
    version_numbers,
)
from orchestration.settings import Settings

_POINTER_ITSELF = "current.json is missing or not what was written"


def whole_version(
    settings: Settings, *, depth: Depth = Depth.DIGESTS, at: datetime | None = None
) -> FallBack | None:
    """Where readers should be, if not where the pointer leads; None when that is right.

    Looks only. `depth` is for the current version; one to go back to is always compared byte
    by byte. Raises NoWholeVersionError when the current version is damaged and no earlier one
    is whole.
    """
    published_dir = settings.published_dir
    number = served_number(published_dir)
    if number is None:
        return None
    moment = at or datetime.now(UTC)
    damage = damage_of(published_dir / str(number), depth)
    if damage:
        return _earlier(published_dir, number, damage, moment)
    if _is_readable(published_dir):
        return None
    return FallBack(None, number, (_POINTER_ITSELF,), moment)


def fall_back(
    settings: Settings, *, depth: Depth = Depth.DIGESTS, at: datetime | None = None
) -> FallBack | None:
    """Move the pointer off a damaged version; None when the current one is whole.

    A damaged pointer is written again first, from what the symlink and the history say. Tells
    the history and leaves the alarm in the pointer. Raises NoWholeVersionError, with the
    pointer where it was, when no earlier version is whole, and OSError when this process may
    not write it.
    """
    published_dir = settings.published_dir
    moment = at or datetime.now(UTC)
    mended = _mend_pointer(published_dir, moment)
    while True:
        number = served_number(published_dir)
        if number is None:
            return mended
        damage = damage_of(published_dir / str(number), depth)
        if not damage:
            return mended
        repair(published_dir)
        fallen = _earlier(published_dir, number, damage, moment)
        with private_umask(), pointer_lock(published_dir, f"fall back from {number}"):
            # Bytes were compared without the lock: somebody may have moved on meanwhile.
            if current_number(published_dir) != number:
                continue
            move(
                published_dir, fallen.to_version, moved_by="fall back", at=moment, fell_back=fallen
            )
            record_fall_back(published_dir, fallen)
        return fallen


def examine(settings: Settings) -> tuple[Damage, ...]:
    """All damage of the pointer, the symlink and every kept version, byte by byte."""
    published_dir = settings.published_dir
    digests: dict[tuple[int, int], str] = {}
    found = list(pointer_damage(published_dir))
    for number in version_numbers(published_dir):
        found += damage_of(published_dir / str(number), digests=digests)
    return tuple(found)


def _earlier(
    published_dir: Path, number: int, damage: tuple[Damage, ...], moment: datetime
) -> FallBack:
    unseen = never_current(published_dir)
    digests: dict[tuple[int, int], str] = {}
    for candidate in reversed(version_numbers(published_dir)):
        if (
            candidate < number
            and candidate not in unseen
            and not damage_of(published_dir / str(candidate), digests=digests)
        ):
            return FallBack(number, candidate, tuple(map(str, damage)), moment)
    raise NoWholeVersionError(
        f"version {number} is damaged ({listed(damage)}) and no earlier version in "
        f"{published_dir} is whole. The pointer stays and nothing was removed. `shopthread "
        "publish` makes a new version from the warehouse, which shares no file with these"
    )


def _mend_pointer(published_dir: Path, moment: datetime) -> FallBack | None:
    if _is_readable(published_dir):
        return None
    number = served_number(published_dir)
    if number is None:
        raise NoWholeVersionError(
            f"{published_dir} has a damaged pointer and no version at all, so nothing is served. "
            "Remove current.json and publish again: `shopthread publish`"
        )
    mended = FallBack(None, number, (_POINTER_ITSELF,), moment)
    with private_umask(), pointer_lock(published_dir, "repair of the pointer"):
        if _is_readable(published_dir):
            return None
        move(published_dir, number, moved_by="repair", at=moment, fell_back=mended)
        record_fall_back(published_dir, mended)
    return mended


def _is_readable(published_dir: Path) -> bool:
    try:
        read_pointer(published_dir)
    except DamagedError:
        return False
    return True
