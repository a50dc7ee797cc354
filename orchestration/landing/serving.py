"""Whether landing goes on serving an entity while a refusal of it is open.

The rule behind the contract check and what `shopthread status` says of it. What a check looks
like belongs to `orchestration.components.source`.
"""

from enum import StrEnum

from orchestration.landing.ledger import Ledger
from orchestration.settings import Settings
from orchestration.sources.config import EntityConfig, SourceConfig

COULD_NOT_RUN = "could not run"
"""How the reason of a refusal begins when nobody could judge the batch."""


class Served(StrEnum):
    """What landing serves of an entity, in the words of its contract check."""

    NOTHING = "landing has no batch that keeps the contract"
    GOOD = "landing still serves the last good batch"
    CONDEMNED = "landing serves the refused content, which a changed contract condemns"
    LOST = "landing lost what it served for it, and its source does not offer it any more"


def what_is_served(ledger: Ledger, source: SourceConfig, entity: EntityConfig) -> Served:
    """What landing serves of an entity; anything but GOOD closes it while a refusal is open."""
    if not ledger.current(source.source, entity.name):
        return Served.NOTHING
    if ledger.condemned(source.source, entity.name):
        return Served.CONDEMNED
    if ledger.lost_partitions(source.source, entity.name):
        return Served.LOST
    return Served.GOOD


def blocks(settings: Settings, source: SourceConfig, entity: EntityConfig) -> bool:
    """Whether any open refusal closes the entity, whatever is served."""
    return (
        entity.on_bad_batch == "block"
        or f"{source.source}/{entity.name}" in settings.strict_entities
    )
