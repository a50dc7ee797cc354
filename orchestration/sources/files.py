"""Find what a source delivered: its base files, and what was dropped into the inbox.

A delivery is a file of the entity's format. A base file, `<entity><suffix>`, holds every
day of an entity; a file in the inbox,
`<inbox>/<source>/<entity>/<business date or snapshot><suffix>`, is newer than the base
file and replaces it for its partition. Hidden files and files still being written (a suffix
of no format) are not deliveries. Reading rows belongs to `text_files` and to landing.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

from orchestration.sources.formats import SUFFIXES, FileFormat, ParquetFormat
from orchestration.sources.manifests import (
    SUFFIX,
    DeliveryManifest,
    ManifestError,
    read_manifest,
)
from orchestration.sources.names import is_plain

SNAPSHOT = "snapshot"
"""Partition name of an entity that is delivered whole."""

UNDATED = "undated"
"""Partition name of rows whose event time is empty: they belong to no business date."""

_CHUNK = 1 << 20


class SourceError(RuntimeError):
    """A source cannot be read; the message names the file and what to do."""


@dataclass(frozen=True)
class DeliveredFile:
    """One file as it was delivered. `partition` None: it holds many days."""

    path: Path
    partition: str | None
    manifest: DeliveryManifest | None = None

    def sha256(self) -> str:
        """Hash of the file's bytes, in hex."""
        return _sha256(self.path, identity_of(self.path))


@dataclass(frozen=True)
class FileReader:
    """The files of one entity of one source."""

    source: str
    entity: str
    base_folder: Path
    inbox: Path
    format: FileFormat = field(default_factory=ParquetFormat)
    wants_manifests: bool = False
    """A file in the inbox is whole once a manifest names its hash; until then it waits."""

    @property
    def inbox_folder(self) -> Path:
        return self.inbox / self.source / self.entity

    def base_file(self) -> DeliveredFile | None:
        """The file that holds the whole entity, or None when the source has none.

        Raises SourceError for one that is compressed in another way than declared.
        """
        self._assert_as_declared(self.base_folder, self.entity)
        path = self.base_folder / f"{self.entity}{self.format.suffix}"
        return DeliveredFile(path, None) if path.is_file() else None

    def inbox_files(self) -> tuple[DeliveredFile, ...]:
        """Files of single partitions, ordered by partition.

        Raises SourceError for a name that is neither a date nor `snapshot`, for two files
        of one partition and for one written or compressed in another way than declared.
        """
        return tuple(file for file, waits_for in self._looked_at() if waits_for is None)

    def waiting(self) -> tuple[str, ...]:
        """What files in the inbox wait for that nobody reads yet, one sentence each."""
        return tuple(
            f"{file.path.name} waits for {waits_for} and was not read"
            for file, waits_for in self._looked_at()
            if waits_for is not None
        )

    def _looked_at(self) -> tuple[tuple[DeliveredFile, str | None], ...]:
        """Each file of the inbox, by partition, and what it still waits for."""
        found = self._in_inbox()
        if not self.wants_manifests:
            return tuple((file, None) for file in found)
        return tuple(self._with_manifest(file) for file in found)

    def _with_manifest(self, file: DeliveredFile) -> tuple[DeliveredFile, str | None]:
        path = self.inbox_folder / f"{file.partition}{SUFFIX}"
        try:
            manifest = read_manifest(path)
        except OSError:
            return file, f"its manifest {path.name}"
        except ManifestError as error:
            return file, f"a readable manifest ({path.name}: {error})"
        if manifest.sha256 != file.sha256():
            return file, f"a manifest of its own bytes ({path.name} names other ones)"
        return DeliveredFile(file.path, file.partition, manifest), None

    def _in_inbox(self) -> tuple[DeliveredFile, ...]:
        if not self.inbox_folder.is_dir():
            return ()
        self._assert_no_other_kind()
        found = []
        for suffix in filter(None, (self.format.suffix, self.format.other_suffix)):
            for path in sorted(self.inbox_folder.glob(f"*{suffix}")):
                if path.name.startswith(".") or path.name.endswith(SUFFIX) or not path.is_file():
                    continue
                stem = path.name.removesuffix(suffix)
                if stem != SNAPSHOT and not _is_business_date(stem):
                    name = path.name if is_plain(stem) else "a file"
                    raise SourceError(
                        f"{self.source}/{self.entity}: {name} in the inbox is named "
                        "neither after a business date (YYYY-MM-DD) nor `snapshot`; nothing "
                        "was read; rename it or move it away"
                    )
                self._assert_as_declared(self.inbox_folder, stem)
                found.append(DeliveredFile(path, stem))
        return tuple(sorted(found, key=lambda file: str(file.partition)))

    def _assert_as_declared(self, folder: Path, stem: str) -> None:
        """Neither a second file beside the expected one, nor only one of the other suffix."""
        other = self.format.other_suffix
        if other is None or not (folder / f"{stem}{other}").is_file():
            return
        name, where = f"{stem}{other}", f"{self.source}/{self.entity}"
        if (folder / f"{stem}{self.format.suffix}").is_file():
            raise SourceError(
                f"{where}: {name} lies beside {stem}{self.format.suffix} and only one of them "
                "can be the delivery; nothing was read; move the other one away"
            )
        raise SourceError(
            f"{where}: {name} was delivered, and the format of {self.entity} declares "
            f"{self.format.suffix} files; nothing was read; change `compression` in defs.yaml "
            "or deliver it the declared way"
        )

    def _assert_no_other_kind(self) -> None:
        """A repaired batch of another kind would wait in the inbox for ever, in silence."""
        own = (self.format.suffix, self.format.other_suffix)
        others = tuple(suffix for suffix in SUFFIXES if suffix not in own)
        for path in sorted(self.inbox_folder.iterdir()):
            if path.name.startswith(".") or not path.name.endswith(others) or not path.is_file():
                continue
            if path.name.endswith(SUFFIX):
                continue
            suffix = next(item for item in others if path.name.endswith(item))
            stem = path.name.removesuffix(suffix)
            is_named = stem == SNAPSHOT or _is_business_date(stem) or is_plain(stem)
            raise SourceError(
                f"{self.source}/{self.entity}: {path.name if is_named else f'a {suffix} file'} "
                f"lies in the inbox, and the format of {self.entity} declares "
                f"{self.format.suffix} files; nothing was read; deliver it the declared way, move "
                "it away, or change `format` in defs.yaml"
            )

    def snapshot_file(self) -> DeliveredFile | None:
        """The newest whole delivery of an entity without partitions."""
        for file in self.inbox_files():
            if file.partition == SNAPSHOT:
                return file
        return self.base_file()

    def day_file(self, day: date) -> DeliveredFile | None:
        """What was delivered for one business date: the inbox before the base file."""
        for file in self.inbox_files():
            if file.partition == day.isoformat():
                return file
        return self.base_file()


def identity_of(path: Path) -> tuple[int, ...]:
    """Which file this is, and which state of it."""
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: Path, _identity: tuple[int, ...]) -> str:
    """Read once for as long as a file stays the same: finding out is asked for often."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _is_business_date(name: str) -> bool:
    """Whether a name is a date in the one way partitions are written."""
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
