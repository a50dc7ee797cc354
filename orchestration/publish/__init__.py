"""Publish the checked marts as one version that readers can open, and move back if needed.

Belongs here: building `published/<n>/`, its verification by a second process, the pointer,
rollback, leaving a damaged version, retention, and the connection readers use. Does not belong here: deciding whether
a run may publish (the guard, in `orchestration.defs`), building marts (dbt), and what a
report looks like. Nothing here imports dagster, dbt or great_expectations.
"""

from orchestration.publish.damage import Damage, Depth, damage_of
from orchestration.publish.declaration import MartDeclaration, declared_marts
from orchestration.publish.engine import EngineLimits
from orchestration.publish.errors import (
    DamagedError,
    DamageWarning,
    FencedError,
    NoWholeVersionError,
    PublishedStateError,
    PublishError,
    QueryError,
    UnfinishedError,
    UnknownVersionError,
    VerificationError,
)
from orchestration.publish.falling_back import examine, fall_back, whole_version
from orchestration.publish.hashes import TableHash, table_hashes
from orchestration.publish.manifest import (
    CheckSummary,
    Manifest,
    Override,
    PublishContext,
    StaleSource,
    WaivedRefusal,
)
from orchestration.publish.permissions import PublishedGroups
from orchestration.publish.pinned import Pinned, pinned
from orchestration.publish.pointer import (
    FallBack,
    PublishedVersion,
    current,
    history,
    pointer_damage,
    rollback,
    served_number,
    versions,
)
from orchestration.publish.publisher import Outcome, PublishOptions, PublishResult, Step, publish
from orchestration.publish.reader import (
    CheckedParquet,
    Column,
    Opened,
    QueryResult,
    checked_parquet,
    connect,
    opened,
    query,
)

__all__ = [
    "CheckSummary",
    "CheckedParquet",
    "Column",
    "Damage",
    "DamageWarning",
    "DamagedError",
    "Depth",
    "EngineLimits",
    "FallBack",
    "FencedError",
    "Manifest",
    "MartDeclaration",
    "NoWholeVersionError",
    "Opened",
    "Outcome",
    "Override",
    "Pinned",
    "PublishContext",
    "PublishError",
    "PublishOptions",
    "PublishResult",
    "PublishedGroups",
    "PublishedStateError",
    "PublishedVersion",
    "QueryError",
    "QueryResult",
    "StaleSource",
    "Step",
    "TableHash",
    "UnfinishedError",
    "UnknownVersionError",
    "VerificationError",
    "WaivedRefusal",
    "checked_parquet",
    "connect",
    "current",
    "damage_of",
    "declared_marts",
    "examine",
    "fall_back",
    "history",
    "opened",
    "pinned",
    "pointer_damage",
    "publish",
    "query",
    "rollback",
    "served_number",
    "table_hashes",
    "versions",
    "whole_version",
]
