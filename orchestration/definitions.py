"""The code location: everything under `defs/`, with the executor and the project's rules.

No asset is written here. `build_defs` is what tests and the guard use as well.
"""

from pathlib import Path

import dagster as dg

from orchestration.components.preloading import PRELOADED_MODULES, start_fork_server_of_run
from orchestration.components.run_state import quiet_libraries
from orchestration.components.run_worker import multiprocess_executor

_PARALLEL_STEPS = 2


def build_defs() -> dg.Definitions:
    """Definitions of the whole project, loaded from `defs/`."""
    quiet_libraries()
    package = Path(__file__).resolve().parent
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=package / "defs"),
        dg.Definitions(
            executor=multiprocess_executor(
                {
                    "max_concurrent": _PARALLEL_STEPS,
                    "start_method": {"forkserver": {"preload_modules": list(PRELOADED_MODULES)}},
                }
            )
        ),
    )


start_fork_server_of_run()
defs = build_defs()
