"""Publish the checked marts as one version that readers can open, and move back if needed.

Belongs here: building `published/<n>/`, its verification by a second process, the pointer,
rollback, retention, and the connection readers use. Does not belong here: deciding whether
a run may publish (the guard, in `orchestration.defs`), building marts (dbt), and what a
report looks like. Nothing here imports dagster, dbt or great_expectations.
"""

from orchestration.publish.declaration import MartDeclaration, declared_marts
from orchestration.publish.engine import EngineLimits
from orchestration.publish.errors import (
    FencedError,
    PublishedStateError,
    PublishError,
    QueryError,
    UnknownVersionError,
    VerificationError,
)
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
from orchestration.publish.pointer import (
    PublishedVersion,
    current,
    history,
    rollback,
    versions,
)
from orchestration.publish.publisher import Outcome, PublishOptions, PublishResult, Step, publish
from orchestration.publish.reader import Column, QueryResult, connect, query

__all__ = [
    "CheckSummary",
    "Column",
    "EngineLimits",
    "FencedError",
    "Manifest",
    "MartDeclaration",
    "Outcome",
    "Override",
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
    "UnknownVersionError",
    "VerificationError",
    "WaivedRefusal",
    "connect",
    "current",
    "declared_marts",
    "history",
    "publish",
    "query",
    "rollback",
    "table_hashes",
    "versions",
]
