"""Bytes on disk of versions that retention removed while readers have them open.

Linux keeps an unlinked file until the last process closes it. Only what `/proc` shows to this
user is seen, and elsewhere nothing is. Removing versions belongs to `retention`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.publish.retention import REMOVING_PREFIX
from orchestration.settings import Settings

_DELETED = " (deleted)"


@dataclass(frozen=True)
class Pinned:
    """A removed version that still takes space, and the processes that hold it."""

    version: int
    bytes: int
    processes: tuple[int, ...]


def pinned(settings: Settings) -> tuple[Pinned, ...]:
    """Removed versions that readers hold, oldest first; files with another name take nothing."""
    pattern = re.compile(
        re.escape(str(settings.published_dir.resolve()))
        + rf"/(?:{re.escape(REMOVING_PREFIX)})?([1-9][0-9]*)/.*{re.escape(_DELETED)}"
    )
    sizes: dict[int, dict[tuple[int, int], int]] = {}
    holders: dict[int, set[int]] = {}
    for process, handle in _handles(Path("/proc")):
        try:
            found = pattern.fullmatch(str(handle.readlink()))
            if found is None:
                continue
            state = handle.stat()
        except OSError:
            continue  # closed meanwhile, or not ours to see
        if state.st_nlink == 0:
            number = int(found.group(1))
            sizes.setdefault(number, {})[state.st_dev, state.st_ino] = state.st_blocks * 512
            holders.setdefault(number, set()).add(process)
    return tuple(
        Pinned(number, sum(sizes[number].values()), tuple(sorted(holders[number])))
        for number in sorted(sizes)
    )


def _handles(processes: Path) -> Iterator[tuple[int, Path]]:
    """Every open handle of every process that may be seen."""
    if not processes.is_dir():
        return
    for process in processes.iterdir():
        if not process.name.isdecimal():
            continue
        try:
            handles = list((process / "fd").iterdir())
        except OSError:
            continue  # ended meanwhile, or another user's
        for handle in handles:
            yield int(process.name), handle
