"""Jobs, schedules and sensors: the only place with cron strings.

`full` and `daily` build the same assets. `full` is asked for a range; `daily` is asked by
the schedule for the days that arrived since. Assets are not written here.
"""

from datetime import UTC, datetime

import dagster as dg

from orchestration.components.arrivals import new_deliveries
from orchestration.components.run_state import open_state
from orchestration.faults import telling_kinds_only

full = dg.define_asset_job(
    "full",
    selection=dg.AssetSelection.all(include_sources=False),
    description=(
        "Everything, from source to report, in one run. Give it a range of business dates; "
        "with none it takes what is new."
    ),
)

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(include_sources=False),
    description="The same for the days that newly arrived; the schedule names them.",
)


@dg.schedule(
    job=daily,
    cron_schedule="30 5 * * *",
    execution_timezone="UTC",
    description=(
        "Every morning: one run per unbroken range of business dates that arrived since, "
        "none when nothing did."
    ),
)
@telling_kinds_only()
def newly_arrived_days(
    context: dg.ScheduleEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for what arrived; the same deliveries are never asked for twice."""
    del context
    settings, ledger = open_state()
    requests = [
        dg.RunRequest(run_key=delivery.run_key, tags=delivery.tags)
        for delivery in new_deliveries(settings, ledger, datetime.now(UTC))
    ]
    return requests or dg.SkipReason("no source delivered anything new")


when_gates_are_open = dg.AutomationConditionSensorDefinition(
    "build_when_gates_are_open",
    target=dg.AssetSelection.all(include_sources=False) - dg.AssetSelection.groups("landing"),
    description=(
        "Opt-in: builds an asset when its inputs changed and every gate before it is open. "
        "The schedule is the primary trigger."
    ),
    default_status=dg.DefaultSensorStatus.STOPPED,
)
