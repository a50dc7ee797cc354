"""Where a repaired batch is delivered: the name that landing will look for.

A name only. Which refusals are open is the ledger's, how files are found `sources.files`.
"""

from collections.abc import Iterable

from orchestration.sources.config import SourceConfig
from orchestration.sources.files import UNDATED


def repaired_batch(
    sources: Iterable[SourceConfig], source: str, entity: str, partition: str
) -> str:
    """The file to deliver for a partition, from the home of the state.

    What belongs to no business date came in a base file, and is repaired there. Of an entity
    that is not configured any more nobody knows the suffix.
    """
    declared = (
        item.format.suffix
        for config in sources
        if config.source == source
        for item in config.entities
        if item.name == entity
    )
    suffix = next(declared, "")
    if partition == UNDATED:
        return f"the base file {entity}{suffix} of {source}"
    return f"inbox/{source}/{entity}/{partition}{suffix}"
