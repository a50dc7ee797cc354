"""Who may read what was published: modes, groups and the umask of a publish.

State of the product is 0700/0600. `published/` alone may be given groups, so its folders
are 0750 and its files 0440. Direct identifiers are stricter: without a group of their own
`identified.duckdb` is 0400, because a group set on `published/` is inherited by every file
below it and would open them too.
"""

import grp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestration.publish.errors import PublishError

IDENTIFIED_FILE = "identified.duckdb"

_DIRECTORY_MODE = 0o750
_FILE_MODE = 0o440
_OWNER_ONLY_MODE = 0o400


@dataclass(frozen=True)
class PublishedGroups:
    """Unix groups that may read; None leaves the group as the file system gives it."""

    analytics: str | None = None
    identified: str | None = None


@contextmanager
def private_umask() -> Iterator[None]:
    """Create files and folders for the owner only, whatever umask the caller has.

    The umask belongs to the whole process and is restored at the end.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_published_dir(directory: Path) -> None:
    """Create `published/` and its parents; one that exists keeps the mode its owner chose."""
    if directory.is_dir():
        return
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(_DIRECTORY_MODE)


def seal(version_dir: Path, groups: PublishedGroups) -> None:
    """Make a built version read-only for everybody, deepest entries first.

    A hard-linked file already has its mode; setting it again changes nothing.
    Raises PublishError when a named group does not exist or may not be given.
    """
    analytics, identified = _group_id(groups.analytics), _group_id(groups.identified)
    for folder, _, files in os.walk(version_dir, topdown=False):
        for name in files:
            path = Path(folder) / name
            if name == IDENTIFIED_FILE:
                _grant(path, identified, _OWNER_ONLY_MODE if identified is None else _FILE_MODE)
            else:
                _grant(path, analytics, _FILE_MODE)
        _grant(Path(folder), analytics, _DIRECTORY_MODE)


def _grant(path: Path, group: int | None, mode: int) -> None:
    if group is not None:
        try:
            os.chown(path, -1, group)
        except PermissionError as error:
            raise PublishError(
                f"{path} cannot be given to group {group}: {error.strerror}. Nothing was "
                "published. Make the publishing user a member of that group, then publish again"
            ) from error
    path.chmod(mode)


def _group_id(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise PublishError(
            f"group {name!r} does not exist on this machine. Nothing was published. Create it "
            "or publish without it"
        ) from error
