"""What a source declares about itself: the attributes of its `defs.yaml`.

Models and their loading only. How a file is written is `formats`, how files are found
`files`, how a batch is accepted `orchestration.landing`, what its columns promise
`expectations/landing`.
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.sources.formats import FileFormat, ParquetFormat, ZoneName

DEFINITION_FILE = "defs.yaml"

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
"""Names become folders, schemas and asset keys: nothing else may be in them."""


class SourceConfigError(ValueError):
    """A `defs.yaml` cannot be used; the message names the file and the attribute."""


class ReaderConfig(BaseModel):
    """Where a source's files lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["panel_package", "synthetic_retailer", "folder"] = Field(
        description="`panel_package`: the installed panel; `synthetic_retailer`: what the "
        "generator wrote; `folder`: `path` below."
    )
    path: Path | None = Field(
        default=None, description="Folder of `<entity>.<suffix>` files, for kind `folder`."
    )

    @model_validator(mode="after")
    def _folder_needs_path(self) -> "ReaderConfig":
        if (self.kind == "folder") != (self.path is not None):
            raise ValueError("`path` is required for kind `folder` and not allowed otherwise")
        return self


class VersionColumn(BaseModel):
    """The column whose greatest value is the version of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str


class EntityConfig(BaseModel):
    """One table of a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN)
    description: str = Field(description="What a row is, in one sentence.")
    channel: str | None = Field(
        default=None, description="Key of the channel in which it happens; reference data has none."
    )
    partitioned: bool = Field(
        default=False, description="True: one batch a business date. False: a snapshot."
    )
    event_column: str | None = Field(
        default=None,
        description="Naive UTC timestamp whose date in `time_zone` is the business date.",
    )
    date_column: str | None = Field(
        default=None,
        description="Date that is the business date itself, where the source says it.",
    )
    on_bad_batch: Literal["serve_last_good", "block"] = "serve_last_good"
    version: Literal["arrival", "manifest"] | VersionColumn = Field(
        default="arrival",
        description="What tells which of two batches of a partition wins, whatever the order in "
        "which they came: the version of its manifest, the greatest value of a column; or, where "
        "nothing tells, the last that arrived.",
    )
    required: bool = Field(
        default=False, description="Takes part in the as-of date of the warehouse."
    )
    collection_method: Literal[
        "survey", "tracking", "third_party", "transactional", "operational"
    ] = "transactional"
    personal_data: Literal["none", "pseudonymous", "direct"] = "none"
    max_age_hours: int = Field(default=48, gt=0, description="Older than this is stale.")
    format: FileFormat = Field(default=ParquetFormat(), description="How its files are written.")

    @property
    def dated_by(self) -> str:
        """The column that tells a row's business date."""
        name = self.date_column or self.event_column
        if name is None:
            raise AssertionError(f"{self.name} is not partitioned and has no business date")
        return name

    @property
    def version_column(self) -> str | None:
        return self.version.column if isinstance(self.version, VersionColumn) else None

    @property
    def version_rule(self) -> str:
        """How the ledger and `dim_source` name the rule: a word, or the column."""
        return self.version if isinstance(self.version, str) else self.version.column

    @model_validator(mode="after")
    def _partitions_need_time(self) -> "EntityConfig":
        named = [name for name in (self.event_column, self.date_column) if name is not None]
        if self.partitioned and len(named) != 1:
            raise ValueError(
                f"{self.name}: a partitioned entity needs one of `event_column` and `date_column`"
            )
        if not self.partitioned and self.date_column is not None:
            raise ValueError(f"{self.name}: only a partitioned entity is dated by `date_column`")
        return self

    @property
    def may_be_empty(self) -> bool:
        """Whether a delivery without records may take the place of one that has some."""
        if isinstance(self.format, ParquetFormat):
            return True
        declared = self.format.may_be_empty
        return self.partitioned if declared is None else declared


class SourceConfig(BaseModel):
    """One configured system that delivers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(pattern=NAME_PATTERN, description="Key of the source.")
    vendor: str = Field(pattern=NAME_PATTERN, description="The shape of its data.")
    description: str
    notice: str | None = Field(
        default=None, description="What people must be told about this data."
    )
    owner: str = Field(description="Team that answers for it.")
    data_origin: Literal["panel", "synthetic", "live"]
    data_party: Literal["first", "second", "third", "walled_garden"] = "first"
    lawful_basis: str
    retention_days: int | None = Field(default=None, gt=0)
    cadence: str = Field(description="How often it delivers, in words: `daily`, `once`.")
    time_zone: ZoneName = Field(description="IANA zone of its business dates.")
    reader: ReaderConfig
    entities: tuple[EntityConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _entities_are_unique(self) -> "SourceConfig":
        names = [entity.name for entity in self.entities]
        if len(set(names)) != len(names):
            raise ValueError("an entity is declared twice")
        return self

    def entity(self, name: str) -> EntityConfig:
        """Return the entity of that name, or raise SourceConfigError."""
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise SourceConfigError(f"{self.source}: no entity {name!r} is declared")


def load_source(path: Path) -> SourceConfig:
    """Read one `defs.yaml`.

    Raises SourceConfigError with the file and the attribute that is wrong.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return SourceConfig.model_validate(document["attributes"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SourceConfigError(
            f"{path}: not a component file with `attributes` ({type(error).__name__})"
        ) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        raise SourceConfigError(f"{path}: {problems}") from error


def load_sources(folder: Path, enabled: frozenset[str] | None = None) -> tuple[SourceConfig, ...]:
    """Read every `<folder>/<source>/defs.yaml`, ordered by source key; of `enabled` ones only.

    Raises SourceConfigError for an enabled source that is not configured.
    """
    paths = {path.parent.name: path for path in sorted(folder.glob(f"*/{DEFINITION_FILE}"))}
    unknown = sorted((enabled or frozenset()) - paths.keys())
    if unknown:
        raise SourceConfigError(
            f"SHOPTHREAD_SOURCES names {', '.join(unknown)}, which is not configured; there are "
            f"{', '.join(paths)}; nothing was started"
        )
    return tuple(
        load_source(path) for name, path in paths.items() if enabled is None or name in enabled
    )
