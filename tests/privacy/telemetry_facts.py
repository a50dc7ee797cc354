"""What each library of a process says of its own telemetry, as one line of JSON.

`python -m tests.privacy.telemetry_facts <process>`, started by `test_quiet` without the
variables that switch telemetry off.
"""

import json
import multiprocessing
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from orchestration.cli._instance import ensure_instance, shipped_instance_file
from orchestration.components.preloading import PRELOADED_MODULES
from orchestration.settings import PROJECT_DIR, load_settings

CI_VARIABLES = ("BUILDKITE", "TF_BUILD")
"""Where one of these is set Dagster uploads nothing, whatever it is told."""

SWITCHES = ("DAGSTER_DISABLE_TELEMETRY", "DBT_SEND_ANONYMOUS_USAGE_STATS", "GX_ANALYTICS_ENABLED")
"""What switches telemetry off, one variable for each library."""


def facts(project: str) -> dict[str, bool]:
    """True: it would send."""
    from dagster import DagsterInstance
    from dagster._core.telemetry_upload import is_running_in_test
    from dbt.cli.flags import Flags
    from dbt.cli.main import cli

    arguments = ["parse", "--project-dir", project, "--profiles-dir", project]
    command = cli.make_context("dbt", list(arguments))
    invoked = cli.commands["parse"].make_context("parse", arguments[1:], parent=command)
    return {
        "dagster uploads": not is_running_in_test(),
        "dagster writes": DagsterInstance.get().telemetry_enabled,
        "dbt": bool(Flags(invoked).SEND_ANONYMOUS_USAGE_STATS),
        # This release has no module that sends; one that has asks the variable.
        "gx": find_spec("great_expectations.analytics") is not None
        and os.environ.get("GX_ANALYTICS_ENABLED", "").lower() != "false",
    }


def in_a_step(project: str) -> dict[str, bool]:
    """In a child of the fork server that Dagster's executor takes its steps from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED_MODULES))
    with context.Pool(1) as pool:
        return pool.apply(facts, [project])


def main(process: str) -> dict[str, bool]:
    settings = load_settings()
    project = str(PROJECT_DIR / "dbt_project")
    if process == "nobody":
        empty = settings.home / "nobody"
        empty.mkdir(parents=True)
        os.environ["DAGSTER_HOME"] = str(empty)
        return facts(str(empty))
    if process == "a command":
        ensure_instance(settings)
        return facts(project)
    settings.dagster_home.mkdir(parents=True)
    shutil.copyfile(shipped_instance_file(), settings.dagster_home / Path("dagster.yaml"))
    return in_a_step(project)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
