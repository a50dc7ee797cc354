"""What the fork server of the steps imports once, so that each step starts warm.

Names only, so that the server can be started before Dagster is imported here. Which
executor uses it is said in `orchestration.definitions`.
"""

PRELOADED_MODULES = (
    "orchestration.definitions",
    "great_expectations",
    "sqlalchemy",
    "dbt.cli.main",
    "dbt.adapters.duckdb",
)
