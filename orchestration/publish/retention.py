"""What may go: versions beyond the last few, and what killed publishes left behind.

Never removes the current version or the one a rollback without a number would go to. A
folder is renamed before it is emptied, so that a kill leaves nothing that looks whole.
Runs only while the publish lock is held.
"""

import shutil
from pathlib import Path

from orchestration.publish.errors import PublishedStateError
from orchestration.publish.manifest import read_manifest
from orchestration.publish.pointer import (
    current_number,
    never_current,
    pointer_lock,
    record,
    version_numbers,
)

BUILDING_PREFIX = ".building-"
SPILL_PREFIX = ".spill-"
REMOVING_PREFIX = ".removing-"


def clean_leftovers(published_dir: Path) -> tuple[str, ...]:
    """Remove what publishes that never finished left behind; return the names removed.

    A `.wal` beside a served file is removed as well: no writer of ours ever opens a served
    file, and a stale one makes the database impossible to open.
    """
    removed = []
    for entry in sorted(published_dir.iterdir()):
        if entry.name.startswith((BUILDING_PREFIX, SPILL_PREFIX, REMOVING_PREFIX)):
            _remove_tree(entry)
            removed.append(entry.name)
        elif entry.name.startswith((".current.json-", ".current-")):
            entry.unlink()
            removed.append(entry.name)
    for number in never_current(published_dir):
        record(published_dir, {"event": "discarded", "version": number})
        _discard(published_dir, number)
        removed.append(str(number))
    for wal in sorted(published_dir.glob("[0-9]*/*.wal")):
        wal.unlink()
        removed.append(f"{wal.parent.name}/{wal.name}")
    return tuple(removed)


def prune(published_dir: Path, *, keep: int) -> tuple[int, ...]:
    """Remove all but the last `keep` versions and those that must stay; return what went."""
    # Under the pointer's lock, so that nobody rolls back to a version while it is removed.
    with pointer_lock(published_dir, "removal of old versions"):
        numbers = version_numbers(published_dir)
        spared = {*numbers[-keep:], *_always_kept(published_dir)}
        gone = tuple(number for number in numbers if number not in spared)
        for number in gone:
            record(published_dir, {"event": "pruned", "version": number})
            _discard(published_dir, number)
    return gone


def _always_kept(published_dir: Path) -> set[int]:
    now = current_number(published_dir)
    if now is None:
        return set()
    try:
        parent = read_manifest(published_dir / str(now)).parent
    except PublishedStateError:
        # Without a readable current version nobody knows what will be needed.
        return set(version_numbers(published_dir))
    return {now} if parent is None else {now, parent}


def _discard(published_dir: Path, number: int) -> None:
    aside = published_dir / f"{REMOVING_PREFIX}{number}"
    if aside.exists():
        _remove_tree(aside)
    (published_dir / str(number)).rename(aside)
    _remove_tree(aside)


def _remove_tree(path: Path) -> None:
    shutil.rmtree(path)
