"""The manifest of a published version, and what a run tells publish about itself.

Shapes only: pydantic models at the border to disk, frozen dataclasses for the caller.
Filling them belongs to `publisher`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.publish.errors import PublishedStateError

MANIFEST_FILE = "manifest.json"

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


def read_manifest(version_dir: Path) -> Manifest:
    """Read `manifest.json` of a version.

    Raises PublishedStateError when it is missing or not a manifest of this product.
    """
    path = version_dir / MANIFEST_FILE
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise PublishedStateError(
            f"{path} cannot be read as a manifest ({type(error).__name__}). The folder is not a "
            "whole version. Serve another one with `shopthread rollback <version>`"
        ) from error
