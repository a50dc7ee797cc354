"""What the fork server of the steps imports once, so that each step starts warm; its start.

Names only, so that the server can be started before Dagster is imported here. Which
executor uses it is said in `orchestration.definitions`. What a library imports late, inside
a function, is named as well: each of twenty-odd steps would pay for it.
"""

from multiprocessing import forkserver, get_context, parent_process

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


def start_fork_server() -> None:
    """Start the process that steps are forked from, before anybody asks for a step.

    It imports what Dagster's executor would make it import, while this process goes on.
    """
    get_context("forkserver").set_forkserver_preload(list(PRELOADED_MODULES))
    forkserver.ensure_running()


def start_fork_server_of_run() -> None:
    """The same in a process that a code server has started to execute a run.

    Only such a child of another process reads the project anew. Called before it does, which
    takes half as long as what the fork server imports.
    """
    if parent_process() is not None:
        start_fork_server()
