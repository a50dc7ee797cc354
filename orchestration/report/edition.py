"""What a published version says about itself, as far as the report shows it.

Only the shape and the step from a version's manifest belong here. Names of operators are
left out: the report leaves the house.
"""

from dataclasses import dataclass
from datetime import date, datetime

from orchestration.publish.manifest import Manifest


@dataclass(frozen=True)
class StaleEntity:
    """A source entity of which an older state is served, with the reason."""

    source_key: str
    entity: str
    reason: str


@dataclass(frozen=True)
class Edition:
    """The version a report speaks about; dates are business dates, times aware."""

    version: int | None = None
    data_as_of: date | None = None
    published_at: datetime | None = None
    code_version: str = ""
    stale: tuple[StaleEntity, ...] = ()
    overrides: tuple[str, ...] = ()
    """Closed gates an operator opened by hand, as `check: reason`."""
    waivers: tuple[str, ...] = ()
    """Refused deliveries an operator decided to live without, with both reasons."""


def edition_of(manifest: Manifest) -> Edition:
    """The edition a version's manifest describes."""
    return Edition(
        version=manifest.version,
        data_as_of=manifest.data_as_of,
        published_at=manifest.published_at,
        code_version=manifest.code_version,
        stale=tuple(
            StaleEntity(item.source_key, item.entity, item.reason)
            for item in manifest.stale_sources
        ),
        overrides=tuple(f"{item.check}: {item.reason}" for item in manifest.overrides),
        waivers=tuple(
            f"{item.source_key}/{item.entity} {item.partition_key}: {item.because} "
            f"(refused: {item.reason})"
            for item in manifest.waivers
        ),
    )
