"""Imported last by the fork server of the steps: does once what each of them would do first.

Whatever goes wrong here goes wrong again in the step it concerns, which says so; the server
must start all the same. What is made ready is `warehouse.dbt_process`'s and `quality`'s.
"""

import contextlib

from orchestration.components.run_state import quiet_libraries
from orchestration.quality.expectations_sql import register_own_expectations
from orchestration.warehouse.dbt_process import make_ready
from orchestration.warehouse.manifest import load_manifest


def _make_ready() -> None:
    with contextlib.suppress(Exception):
        register_own_expectations()
    with contextlib.suppress(Exception):
        settings = quiet_libraries()
        make_ready(settings, load_manifest(settings))


_make_ready()
