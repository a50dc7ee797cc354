"""The `shopthread` command: what people and schedulers outside Dagster type.

Reading arguments, starting runs, following them and telling people what became of them
belongs here. What a command does to data lies in the packages below; Dagster is imported
in one module only (`_dagster_run`), so that help, `status` and `query` answer at once.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of this process, then exit."""
    from orchestration.cli.app import run_app

    run_app()
