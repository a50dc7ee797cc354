"""A run by `dg.execute_job`, as a program of its own: what a script of an integrator does.

The job is reconstructable, so its steps are forked by the shipped multiprocess executor.
Prints the run's id. What the run says is read from its instance.
"""

import sys

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository

from orchestration.settings import PROJECT_DIR


def main(assets: list[str]) -> None:
    """Run some assets of job `full` on the instance of DAGSTER_HOME."""
    repository = ReconstructableRepository.for_module(
        "orchestration.definitions", "defs", str(PROJECT_DIR)
    )
    with dg.DagsterInstance.get() as instance:
        result = dg.execute_job(
            repository.get_reconstructable_job("full"),
            instance,
            asset_selection=[dg.AssetKey(name.split("/")) for name in assets],
            raise_on_error=False,
        )
        sys.stdout.write(f"{result.run_id}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
