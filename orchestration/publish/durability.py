"""File-system steps that either happened whole or did not happen.

Everything that must survive a kill or a power cut: flushing, atomic replacement of files
and symlinks, appending a line, and the locks between publishers. Knows nothing of marts.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from orchestration.publish.errors import PublishError


def flush_file(path: Path) -> None:
    """Ask the disk to keep the file's bytes."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_dir(path: Path) -> None:
    """Ask the disk to keep the folder's entries (names, renames, removals)."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_tree(root: Path) -> None:
    """Flush every file below `root`, then every folder from the deepest up to `root`."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            flush_file(Path(folder) / name)
        flush_dir(Path(folder))


def replace_text(path: Path, text: str, *, mode: int) -> None:
    """Put `text` at `path` in one step; readers see the old file or the new one."""
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(mode)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    flush_dir(path.parent)


def replace_symlink(link: Path, target: str) -> None:
    """Point `link` at `target` (relative to its folder) in one step."""
    aside = link.with_name(f".{link.name}-{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)
    flush_dir(link.parent)


def append_line(path: Path, line: str, *, mode: int) -> None:
    """Add one line and flush it; a torn line left by a kill is closed off first."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        is_torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if is_torn else "") + line + "\n").encode())
        os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)
    flush_dir(path.parent)


@contextmanager
def exclusive(lock: Path, *, holder: str, wait_seconds: float) -> Iterator[None]:
    """Hold an OS lock that ends with this process, however it ends.

    Raises PublishError naming the holder, its process and since when, if the lock is not
    free within `wait_seconds`.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(handle, lock, wait_seconds)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        note = {"holder": holder, "pid": os.getpid(), "since": since}
        # The lock holds without its note: on a full disk nobody learns who has it.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(note).encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, lock: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                note = os.pread(handle, 4096, 0).decode(errors="replace") or "an unknown process"
                raise PublishError(
                    f"{lock} is held by {note} and was not free within {wait_seconds:g} s. "
                    "Nothing was changed. Wait for that process to end, then try again"
                ) from None
            time.sleep(0.02)
        else:
            return
