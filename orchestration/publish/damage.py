"""What of a published version is not what was written.

A manifest holds bytes and SHA-256 of every file, and `manifest.sha256` the manifest's own,
so that damage of any byte is found. DuckDB finds most of it by itself; Parquet as it is
written here has no checksums, so a flipped byte there can be a wrong number without an
error. What follows from damage belongs to `falling_back`.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import file_digest
from pathlib import Path

from orchestration.publish.errors import DamagedError
from orchestration.publish.manifest import (
    MANIFEST_FILE,
    FileEntry,
    is_damage,
    read_manifest,
)

Digests = dict[tuple[int, int], str]
"""Digests by device and inode: hard-linked files are read once."""


class Depth(StrEnum):
    """How closely files are looked at."""

    SIZES = "sizes"
    """Is every file there, as long as it was; the manifest by its digest. Milliseconds."""
    DIGESTS = "digests"
    """Every byte of every file. Reads the whole version."""


@dataclass(frozen=True)
class Damage:
    """A file, relative to `published/`, and what is wrong with it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} {self.what}"


def damage_of(
    version_dir: Path, depth: Depth = Depth.DIGESTS, *, digests: Digests | None = None
) -> tuple[Damage, ...]:
    """Everything in the folder of a version that its manifest does not confirm.

    A file that this process may not read is left out: others judge it. `digests` is kept by
    the caller who looks at several versions, so that what they share is read once.
    Raises PublishedStateError when the manifest may not be read.
    """
    try:
        manifest = read_manifest(version_dir)
    except DamagedError:
        return (
            Damage(f"{version_dir.name}/{MANIFEST_FILE}", "is missing or not what was written"),
        )
    known: Digests = {} if digests is None else digests
    found = (
        (name, _wrong(version_dir / name, entry, depth, known))
        for name, entry in sorted(manifest.files.items())
    )
    return tuple(Damage(f"{version_dir.name}/{name}", what) for name, what in found if what)


def entry_of(path: Path) -> FileEntry:
    """Bytes and digest of a file as it is now."""
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return FileEntry(bytes=path.stat().st_size, sha256=digest)


def listed(damage: tuple[Damage, ...]) -> str:
    """The first few as text, and how many more there are."""
    shown = 3
    more = f" and {len(damage) - shown} more" if len(damage) > shown else ""
    return "; ".join(map(str, damage[:shown])) + more


def _wrong(path: Path, entry: FileEntry, depth: Depth, known: Digests) -> str | None:
    try:
        state = path.stat()
        if state.st_size != entry.bytes:
            return f"has {state.st_size:,} bytes, the manifest says {entry.bytes:,}"
        if depth is Depth.SIZES:
            return None
        inode = (state.st_dev, state.st_ino)
        if inode not in known:
            known[inode] = entry_of(path).sha256
    except PermissionError:
        return None
    except OSError as error:
        if not is_damage(error):
            raise
        return f"cannot be read ({type(error).__name__})"
    return None if known[inode] == entry.sha256 else "does not have the SHA-256 of its manifest"
