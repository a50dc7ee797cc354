"""What the fork server of the steps imports once, so that each step starts warm.

Names only, so that the server can be started before Dagster is imported here. Which
executor uses it is said in `orchestration.definitions`. What a library imports late, inside
a function, is named as well: each of twenty-odd steps would pay for it.
"""

PRELOADED_MODULES = (
    "orchestration.definitions",
    "orchestration.components.event_log",
    "orchestration.components.step_output",
    "dagster._core.secrets.env_file",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "duckdb_engine",
    "great_expectations",
    "pyarrow.dataset",
    "sqlalchemy",
    "upath.core",
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "dbt.adapters.duckdb.environments.local",
    "dbt.task.build",
    "dbt.task.test",
    "dbt_common.clients.agate_helper",
    "orchestration.ready_steps",
)
