"""Checks made from every suite behind landing; landing judges candidates by itself.

No threshold is written here. The suites of facts and dimensions are one gate, those of
what is computed from them another: each stands behind the op that builds its tables.
"""

import dagster as dg

from orchestration.components.run_state import quiet_libraries
from orchestration.components.suite_checks import suite_checks
from orchestration.quality import TableSuite, load_suites
from orchestration.warehouse.manifest import layer_of_mart


@dg.definitions
def gates() -> dg.Definitions:
    """One check op per layer that has suites."""
    settings = quiet_libraries()
    by_layer: dict[str, dict[str, TableSuite]] = {}
    for path, suite_file in load_suites(settings.expectations_dir).items():
        folder = path.parent.name
        if folder == "landing":
            continue
        for suite in suite_file.tables.values():
            layer = layer_of_mart(suite.schema_name, suite.name) if folder == "marts" else folder
            by_layer.setdefault(layer, {})["/".join(suite.asset_key)] = suite
    return dg.Definitions(
        asset_checks=[suite_checks(layer, suites) for layer, suites in sorted(by_layer.items())]
    )
