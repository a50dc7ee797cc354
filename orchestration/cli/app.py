"""The commands of `shopthread`, and what all of them have in common.

Each command lives in the module of its name; here they are given to Typer. Importing this
module must stay cheap: no Dagster, no dbt, no DuckDB.
"""

import os
from typing import Annotated

import typer

from orchestration.cli._outcome import answering
from orchestration.cli.demo import demo_app
from orchestration.cli.doctor import doctor
from orchestration.cli.publish import publish, rollback
from orchestration.cli.quarantine import quarantine_app
from orchestration.cli.query import query
from orchestration.cli.report import report
from orchestration.cli.run import run
from orchestration.cli.status import status

_PRIVATE_UMASK = 0o077
_HELP_NAMES = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="shopthread",
    no_args_is_help=True,
    add_completion=False,
    context_settings=_HELP_NAMES,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Every channel in, one customer out, nothing unchecked served.",
    epilog=(
        "State lies in ./var (SHOPTHREAD_HOME moves it). Begin with `shopthread demo`; "
        "`shopthread COMMAND --help` has examples and exit codes."
    ),
)


@app.callback(invoke_without_command=True)
@answering
def shopthread(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and the commit.")
    ] = False,
) -> None:
    """Answer what belongs to no command."""
    del context
    if version:
        from orchestration.cli._terminal import say
        from orchestration.version import project_version

        say(f"shopthread {project_version()}")
        raise typer.Exit


app.command("run")(run)
app.command("status", short_help="Show what is served, delivered and refused.")(status)
app.command("query")(query)
app.command("report", short_help="Write the published version as one HTML page.")(report)
app.command("publish", short_help="Publish what is built, behind every gate.")(publish)
app.command("rollback")(rollback)
app.command("doctor", short_help="Examine installation and state; change nothing.")(doctor)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(
    demo_app, name="demo", short_help="Run it on a year of sample data, then serve the UI."
)


def run_app() -> None:
    """Run the command line; whatever a command writes is private to its owner."""
    os.umask(_PRIVATE_UMASK)
    app()
