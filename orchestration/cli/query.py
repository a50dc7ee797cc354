"""`shopthread query`: SQL over the published version, as CSV, JSON or a table."""

import sys
from typing import Annotated

import typer

from orchestration.cli._formats import Format, write_csv, write_json, write_table
from orchestration.cli._outcome import UsageError, answering
from orchestration.settings import load_settings

_TABLE_ROWS = 100


@answering
def query(
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="One statement; `-` reads it from standard input.")
    ],
    output: Annotated[
        Format, typer.Option("--format", "-f", help="How rows are written.")
    ] = Format.TABLE,
    personal: Annotated[
        bool,
        typer.Option(
            "--personal", help="Open the file of direct identifiers too, as `identified.<table>`."
        ),
    ] = False,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="Ask an older version instead.")
    ] = None,
    limit: Annotated[
        int,
        typer.Option(min=0, metavar="ROWS", help="Rows of a table at most; 0 shows all."),
    ] = _TABLE_ROWS,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="CSV for programs: leave text alone that looks like a formula."),
    ] = False,
) -> None:
    """Ask the published version with SQL.

    Bare names work: `select * from catalog` lists the marts, `describe kpi_daily` the columns of
    one. The connection is read-only and sees no other file. In CSV a text cell that a spreadsheet
    would run as a formula gets an apostrophe before it; --raw leaves it as it is.

    \b
    Examples:
      shopthread query "select * from catalog"
      shopthread query "select * from kpi_campaign" --format csv > campaigns.csv
      shopthread query "select count(*) from fct_orders where data_origin = 'panel'" -f json
      echo "select * from dim_kpi" | shopthread query -

    Where the published version is damaged, the newest whole one answers, and a line on standard
    error says so.

    \b
    Exit codes: 0 answered · 1 the query was refused, or nothing is published · 2 wrong usage
    """
    statement = sys.stdin.read() if sql == "-" else sql
    if not statement.strip():
        raise UsageError('no SQL was given; try shopthread query "select * from catalog"')
    if raw and output is not Format.CSV:
        raise UsageError("--raw is about CSV; add --format csv or leave it out")

    from orchestration.cli._terminal import count, say_alarm, say_aside
    from orchestration.publish import query as ask

    settings = load_settings()
    with ask(settings, statement, personal=personal, version=version) as result:
        if result.alarm is not None:
            say_alarm(result.alarm)
        if personal:
            say_aside("this answer may hold direct identifiers of people: keep it private")
        names = [column.name for column in result.columns]
        if output is Format.CSV:
            write_csv(sys.stdout, names, result.rows, raw=raw)
        elif output is Format.JSON:
            write_json(sys.stdout, names, result.rows)
        else:
            types = [column.type for column in result.columns]
            written, more = write_table(names, types, result.rows, limit)
            tail = f"{count(written)} rows, more are there: --limit 0 shows all" if more else ""
            say_aside(
                f"version {result.version.version}, data as of "
                f"{result.version.manifest.data_as_of}" + (f" · {tail}" if tail else "")
            )
        sys.stdout.flush()
