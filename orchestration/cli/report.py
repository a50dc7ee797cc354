"""`shopthread report`: the report of the published version, as one file."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli._outcome import answering
from orchestration.settings import load_settings


@answering
def report(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; var/report.html by default."
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="Report an older version instead.")
    ] = None,
) -> None:
    """Write the report of the published version as one self-contained HTML file.

    It needs no network and no server; open it in a browser, print it, send it to colleagues who
    may see pseudonymous data. Every run that publishes writes it as well.

    \b
    Examples:
      shopthread report
      shopthread report --output december.html

    \b
    Exit codes: 0 written · 1 nothing is published, or it cannot be reported · 2 wrong usage
    """
    from orchestration.cli._terminal import say_block, short_path
    from orchestration.report import write_report

    written = write_report(load_settings(), version, output)
    say_block(
        [
            (
                "report",
                (
                    f"{short_path(written.path)}   version {written.version}, data as of "
                    f"{written.data_as_of}   {written.size_bytes / 1000:,.0f} kB"
                ),
            ),
            ("next", f"open {short_path(written.path)} in a browser"),
        ]
    )
