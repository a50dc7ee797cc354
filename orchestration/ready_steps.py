"""Imported last by the fork server of the steps: does once what each of them would do first.

Whatever goes wrong here goes wrong again in the step it concerns, which says so; the server
must start all the same. What is made ready is Dagster's jobs, `warehouse.dbt_process`'s and
`quality`'s.
"""

import contextlib

from orchestration.components.run_state import quiet_libraries
from orchestration.definitions import defs
from orchestration.quality.expectations_sql import register_own_expectations
from orchestration.warehouse.dbt_process import make_ready
from orchestration.warehouse.manifest import load_manifest


def make_jobs() -> None:
    """Resolve Dagster's jobs, which each step asks for."""
    repository = defs.get_repository_def()
    for job in repository.job_names:
        repository.get_job(job)


def make_project() -> None:
    """Read the dbt project."""
    settings = quiet_libraries()
    make_ready(settings, load_manifest(settings))


MADE_READY = (make_jobs, register_own_expectations, make_project)

for _make in MADE_READY:
    with contextlib.suppress(Exception):
        _make()
