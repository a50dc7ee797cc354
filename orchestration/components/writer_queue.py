"""The queue of runs that write: one run at a time, from its first step to its last.

The pool's granularity is the run (dagster.yaml), so the steps of one run go on side by side
while the next run waits. Who is outside Dagster is held off by `orchestration.file_lock`.
"""

WAREHOUSE_POOL = "warehouse"
"""Everything that writes landing, the warehouse or a version stands in this pool. A landing
that ran beside another run's layers would make these outdated before they are published."""
