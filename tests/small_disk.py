"""A disk of a few megabytes: a tmpfs that a test mounts, fills and makes larger.

Only mounting belongs here. Where it is not allowed the test is skipped and says what is not
proved then.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A mounted folder."""

    folder: Path

    def used(self) -> int:
        """Bytes taken."""
        state = os.statvfs(self.folder)
        return (state.f_blocks - state.f_bfree) * state.f_frsize

    def leave_free(self, size: int) -> None:
        """Make the disk as large as what it holds and `size` bytes more."""
        _run("mount", "-o", f"remount,size={self.used() + size}", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mount `folder`, which is made, with room for `size` bytes."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk: nothing is proved about full ones here")
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0750", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here ({error}): full disks are not proved")
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
