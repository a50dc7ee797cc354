"""When an asset may build by itself, for those who switch the automation sensor on.

`eager` alone ignores failed checks and waits for every partition; this one waits for the
gates and leaves completeness to freshness. The scheduled job stays the primary trigger.
"""

import dagster as dg

WHEN_GATES_ARE_OPEN = (
    dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing())
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
).with_label("when its inputs changed and every gate before it is open")
