"""The manifest of a published version, and what a run tells publish about itself.

Shapes, and their way to disk and back: pydantic models at the border, frozen dataclasses for
the caller. Filling them belongs to `publisher`, comparing files with them to `damage`.
"""

import errno
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.publish.errors import DamagedError, PublishedStateError

MANIFEST_FILE = "manifest.json"

DIGEST_FILE = "manifest.sha256"
"""The manifest's own digest, in the form that `sha256sum --check` reads: the manifest has the
digest of every other file and cannot hold its own."""

FORMAT = 1
"""Grows when the files of a version change their shape; a new format is a new version."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class CheckSummary(_Frozen):
    """How many checks the gates of this run executed, by answer."""

    passed: int
    failed: int
    could_not_run: int


class StaleSource(_Frozen):
    """A source entity that serves something older than its newest delivery, and why."""

    source_key: str
    entity: str
    reason: str
    partition_key: str | None = None


class Override(_Frozen):
    """A closed gate that an operator opened by hand for this run."""

    check: str
    reason: str
    by: str | None = None


class WaivedRefusal(_Frozen):
    """A refused delivery that an operator decided to live without, and why."""

    source_key: str
    entity: str
    partition_key: str
    reason: str
    because: str
    waived_at: datetime


class ColumnEntry(_Frozen):
    """A column of a mart; `type` in DuckDB's words."""

    name: str
    type: str


class MartEntry(_Frozen):
    """One mart: `content_hash` over all columns, `equality_hash` without run metadata."""

    rows: int
    content_hash: str
    equality_hash: str
    shape: str
    columns: tuple[ColumnEntry, ...]
    run_metadata: tuple[str, ...]
    data_origins: tuple[str, ...]
    parquet: str
    bytes: int
    is_linked_to_parent: bool


class IdentifiedEntry(_Frozen):
    """The file of direct identifiers; `bridge_rows_without_raw_value` have no value in it."""

    rows: int
    content_hash: str
    bridge_rows_without_raw_value: int


class AggregateEntry(_Frozen):
    """One mart of the aggregate folder and the rule by which its small cells are left out."""

    rows: int
    suppressed_rows: int
    content_hash: str
    rule: str
    file: str


class AggregateSummary(_Frozen):
    """The aggregate folder: what is in it, and which KPI marts are not, with the reason."""

    fewest_people: int
    marts: dict[str, AggregateEntry]
    left_out: dict[str, str]


class FileEntry(_Frozen):
    """A file of the version as it was written."""

    bytes: int
    sha256: str


class Manifest(_Frozen):
    """Everything a reader may want to know about a version without opening its data."""

    format: int
    version: int
    parent: int | None
    run_id: str
    published_at: datetime
    data_as_of: date
    code_version: str
    duckdb_version: str
    data_origins: tuple[str, ...]
    checks: CheckSummary
    stale_sources: tuple[StaleSource, ...]
    overrides: tuple[Override, ...]
    waivers: tuple[WaivedRefusal, ...] = ()
    marts: dict[str, MartEntry]
    identified: IdentifiedEntry
    aggregate: AggregateSummary
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class PublishContext:
    """What the run knows and the files do not; `published_at` must carry a zone."""

    as_of: date
    checks: CheckSummary
    code_version: str
    published_at: datetime
    stale_sources: tuple[StaleSource, ...] = ()
    overrides: tuple[Override, ...] = ()
    waivers: tuple[WaivedRefusal, ...] = ()

    def __post_init__(self) -> None:
        if self.published_at.tzinfo is None:
            raise ValueError("published_at has no zone; pass an aware datetime, in UTC")
        object.__setattr__(self, "published_at", self.published_at.astimezone(UTC))


def write_manifest(version_dir: Path, manifest: Manifest) -> None:
    """Write the manifest and beside it its digest."""
    text = (manifest.model_dump_json(indent=2) + "\n").encode()
    (version_dir / MANIFEST_FILE).write_bytes(text)
    line = f"{sha256(text).hexdigest()}  {MANIFEST_FILE}\n"
    (version_dir / DIGEST_FILE).write_text(line, encoding="ascii")


def read_manifest(version_dir: Path) -> Manifest:
    """Read `manifest.json` of a version and compare it with its digest.

    Raises DamagedError when it is missing, changed or not a manifest of this product,
    PublishedStateError when this process may not read it.
    """
    path = version_dir / MANIFEST_FILE
    try:
        text = path.read_bytes()
        digest = (version_dir / DIGEST_FILE).read_bytes().split(b" ", 1)[0]
        if digest != sha256(text).hexdigest().encode():
            raise _damaged(path, f"it is not what {DIGEST_FILE} says")
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _damaged(path, type(error).__name__) from error
    except OSError as error:
        if is_damage(error):
            raise _damaged(path, type(error).__name__) from error
        raise PublishedStateError(
            f"{path} cannot be read: {error.strerror}. The version is untouched. Ask its owner "
            "for the right to read it"
        ) from error


def is_damage(error: OSError) -> bool:
    """Whether the file is gone or its disk cannot give it; a refused right is no damage."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ELOOP}


def _damaged(path: Path, why: str) -> DamagedError:
    return DamagedError(
        f"{path} cannot be read as a manifest ({why}). The folder is not a whole version. Serve "
        "another one with `shopthread rollback <version>`, or publish again"
    )
