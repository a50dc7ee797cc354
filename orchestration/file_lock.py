"""One writer of a thing: a lock that the operating system releases by itself.

Dagster's pool queues runs; this is what stops everybody else, a second command line or a
step that outlived its run. It says who holds it, so that nobody has to guess. What is
written under a lock is not known here.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_POLL_SECONDS = 0.2


class BusyError(RuntimeError):
    """Somebody else holds the lock; the message says who and since when."""


@contextlib.contextmanager
def hold_file(path: Path, holder: str, wait_seconds: float = 600.0) -> Iterator[None]:
    """Hold the lock file at `path` for the length of the block.

    Waits up to `wait_seconds`, then raises BusyError. A holder that is killed
    lets go at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise BusyError(_busy_message(path)) from None
                time.sleep(_POLL_SECONDS)
        # The lock holds without its card: on a full disk nobody learns who has it.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _card(holder), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> str | None:
    """Who holds the lock, in words, or None when nobody does."""
    if not path.exists():
        return None
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _words(path)
    return None


def _card(holder: str) -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"holder": holder, "pid": os.getpid(), "since": since}).encode()


def _words(path: Path) -> str:
    try:
        card = json.loads(path.read_text("utf-8"))
        return f"{card['holder']} (process {card['pid']}) since {card['since']}"
    except (ValueError, KeyError):
        return "another process"


def _busy_message(path: Path) -> str:
    return (
        f"{path.stem} is held by {_words(path)}; nothing was changed; wait until "
        "it ends, or see `shopthread doctor`"
    )
