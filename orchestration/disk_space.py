"""Is there room for what is about to be written: asked before the first byte.

How much a phase needs stands here in one place, so that landing, the warehouse, publish and
`shopthread doctor` ask for the same. A disk that fills up all the same is an error of who
writes; telling it in the same words is here as well. Nothing is written or freed here.
"""

import errno
import shutil
from pathlib import Path

_MEGA = 1_000_000

LANDING_FACTOR = 3
"""The typed candidate, its rows split into accepted and refused, and what the engine spills;
the file as it was delivered is there already (reliability.md R9, 2026-11-23)."""
LEAST_TO_LAND = 64 * _MEGA
"""Below some megabytes a fixed cost rules: the ledger, its log, one row group (2026-11-25)."""

BUILD_FACTOR = 2
"""dbt writes a new table beside the old one before it drops it, and a DuckDB file does not
give space back: a full rebuild may double it (E4, reliability.md, 2026-11-23)."""
LEAST_TO_BUILD = 256 * _MEGA
"""A first build has no warehouse to measure (2026-11-25)."""

PUBLISH_FACTOR = 3
"""The new version beside the old one, growth, and what the engine spills (reliability.md R9,
2026-11-23)."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WORDS = (
    "no space left on device",
    "disk quota exceeded",
    "file too large",
    "database or disk is full",
)


class DiskSpaceError(RuntimeError):
    """There is not enough room; the message names the folder, the bytes and what was kept."""


def needed_to_land(delivered_bytes: int) -> int:
    """Bytes that must be free before a delivered file of this size is landed."""
    return max(LANDING_FACTOR * delivered_bytes, LEAST_TO_LAND)


def needed_to_build(warehouse_bytes: int) -> int:
    """Bytes that must be free before a layer is built into a warehouse of this size."""
    return max(BUILD_FACTOR * warehouse_bytes, LEAST_TO_BUILD)


def needed_to_publish(published_bytes: int | None, warehouse_bytes: int) -> int:
    """Bytes that must be free before a publish.

    `published_bytes` is the size of the version that is served, None when there is none: then
    the warehouse, which holds more than its marts, stands for it.
    """
    if published_bytes is None:
        return warehouse_bytes
    return PUBLISH_FACTOR * published_bytes


def needed_to_run(published_bytes: int | None, warehouse_bytes: int) -> int:
    """Bytes for one run after another phase: what landing and the warehouse take, they keep."""
    return (
        needed_to_land(0)
        + needed_to_build(warehouse_bytes)
        + needed_to_publish(published_bytes, warehouse_bytes)
    )


def free_bytes(folder: Path) -> int:
    """Bytes free for this process where `folder` lies or will lie."""
    place = folder
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def require_space(folder: Path, needed: int, *, task: str, kept: str, then: str) -> None:
    """Raise DiskSpaceError unless `needed` bytes are free where `folder` lies.

    `task` is a noun ("a publish"), `kept` a sentence without its point, `then` what to do once
    there is room.
    """
    free = free_bytes(folder)
    if free < needed:
        raise DiskSpaceError(
            f"{folder} has {free:,} bytes free and {task} needs up to {needed:,}. {kept}. "
            f"Free {needed - free:,} bytes there, then {then}"
        )


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        # DuckDB and SQLite have no error number to ask for.
        if any(words in str(error).lower() for words in _FULL_WORDS):
            return True
        error = error.__cause__
    return False


def full_message(folder: Path, needed: int, *, task: str, kept: str, then: str) -> str:
    """What to say when the disk filled up although `needed` bytes had been free.

    Called after what was written is removed.
    """
    return (
        f"{folder} ran full during {task}: it has {free_bytes(folder):,} bytes free again, which "
        f"were not enough, and {needed:,} had been asked for. {kept}. Free at least another "
        f"{max(needed, _MEGA):,} bytes there, then {then}"
    )
