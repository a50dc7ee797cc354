"""What a run knows about itself and tells publish: data date, checks, stale sources.

Gathers from the ledger and from the warehouse that was just gated. Building a version is
`orchestration.publish`.
"""

from datetime import date, datetime

from orchestration.landing.ledger import Ledger
from orchestration.publish import (
    CheckSummary,
    Override,
    PublishContext,
    StaleSource,
    WaivedRefusal,
)
from orchestration.settings import Settings
from orchestration.version import project_version
from orchestration.warehouse.reading import open_warehouse


def publish_context(
    settings: Settings, ledger: Ledger, run_id: str, published_at: datetime
) -> PublishContext:
    """Context of a publish by `run_id`; `published_at` carries a zone."""
    counts = ledger.check_counts()
    return PublishContext(
        as_of=_as_of(settings),
        checks=CheckSummary(**counts),
        code_version=project_version(),
        published_at=published_at,
        stale_sources=tuple(
            StaleSource(
                source_key=item.source_key,
                entity=item.entity,
                reason=item.reason,
                partition_key=item.partition_key,
            )
            for item in ledger.open_refusals()
        ),
        overrides=tuple(
            Override(check=asset, reason=reason) for asset, reason in ledger.overrides(run_id)
        ),
        waivers=tuple(
            WaivedRefusal(
                source_key=item.source_key,
                entity=item.entity,
                partition_key=item.partition_key,
                reason=item.reason,
                because=item.because,
                waived_at=item.waived_at,
            )
            for item in ledger.standing_waivers()
        ),
    )


def _as_of(settings: Settings) -> date:
    """The business date that the warehouse speaks of."""
    with open_warehouse(settings) as connection:
        row = connection.execute("select as_of from staging.int_calendar__as_of").fetchone()
    if row is None or row[0] is None:
        raise RuntimeError(
            "the warehouse has no as-of date, because no required source ever landed a day; "
            "nothing was published; land one, or set SHOPTHREAD_AS_OF"
        )
    return date.fromisoformat(str(row[0]))
