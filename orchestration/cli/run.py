"""`shopthread run`: one gated run from source to report.

Its options, and making a run with the words around it, which `publish` and `demo` use too.
How Dagster is asked belongs to `_dagster_run`, what the end says to `_run_summary`.
"""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli._outcome import ExitCode, UsageError, answering
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from orchestration.cli._dagster_run import RunOrder


class Job(StrEnum):
    """The jobs of the project."""

    FULL = "full"
    DAILY = "daily"


@answering
def run(
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="YYYY-MM-DD", help="First business date to land."),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", metavar="YYYY-MM-DD", help="Last business date to land."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="Judge the data as of this business date instead of its newest one.",
        ),
    ] = None,
    job: Annotated[Job, typer.Option(help="Both build everything.")] = Job.FULL,
    override_gates: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Build behind a gate that an earlier run closed. The reason is recorded and "
            "shown on the published version.",
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Build every model and ask every check again, also those behind which nothing changed.",
        ),
    ] = False,
) -> None:
    """Run everything once, from source to report, behind every gate.

    Without days it takes all that is new. The run lies in the same instance as the UI's; with a
    daemon alive it goes through the daemon's queue.

    \b
    Examples:
      shopthread run
      shopthread run --from 2017-12-01 --to 2017-12-31
      shopthread run --as-of 2017-06-30
      shopthread run --rebuild
      shopthread run --override-gates "known price change, ticket 4711"

    \b
    Exit codes: 0 published, or nothing had changed · 1 a gate closed or a step failed, the
    version before stays served · 2 wrong usage, nothing was started · 130 stopped by Ctrl-C
    """
    settings = load_settings()
    days = chosen_days(settings, first, last)
    judged_at = _day("--as-of", as_of)
    if override_gates is not None and not override_gates.strip():
        raise UsageError("--override-gates needs a reason; nothing was started")
    from orchestration.cli import _dagster_run

    order = _dagster_run.RunOrder(
        job=job.value,
        days=days or (None if first or last else _dagster_run.new_days(settings)),
        tags={
            **_dagster_run.as_of_tags(judged_at),
            **_dagster_run.override_tags(override_gates),
            **_dagster_run.rebuild_tags(wanted=rebuild),
        },
    )
    run_and_tell(settings, order)


def chosen_days(
    settings: Settings, first: str | None, last: str | None
) -> tuple[date, date] | None:
    """The range that two options name; one alone goes to the calendar's border."""
    if first is None and last is None:
        return None
    begin = _day("--from", first) or settings.first_day
    end = _day("--to", last) or settings.last_day
    if end is None:
        raise UsageError(
            "--from needs --to, because this calendar has no last day; nothing was started"
        )
    if begin > end:
        raise UsageError(f"--from {begin} lies behind --to {end}; nothing was started")
    if begin < settings.first_day or (settings.last_day is not None and end > settings.last_day):
        raise UsageError(
            f"{begin} to {end} is not inside the calendar, {settings.first_day} to "
            f"{settings.last_day or 'today'}; nothing was started. SHOPTHREAD_FIRST_DAY and "
            "SHOPTHREAD_LAST_DAY move it"
        )
    return begin, end


def run_and_tell(settings: Settings, order: "RunOrder") -> None:
    """Make a run, follow it, say what became of it. Ends with exit code 1 when it failed."""
    if not make_run(settings, order):
        raise typer.Exit(ExitCode.FAILED)


def make_run(settings: Settings, order: "RunOrder", *, ui_url: str | None = None) -> bool:
    """Make a run, follow it and say what became of it. Returns whether it succeeded.

    `ui_url` is where the caller will serve the UI.
    """
    import time

    from orchestration.cli import _dagster_run
    from orchestration.cli._progress import following
    from orchestration.cli._run_summary import (
        Ending,
        failure_line,
        lines_of_failure,
        lines_of_success,
        served_now,
    )
    from orchestration.cli._terminal import console, say, say_block
    from orchestration.disk_space import needed_to_land, require_space

    # Dagster and the ledger write before the first step does: on a full disk SQLite says
    # neither where nor how much is missing.
    require_space(
        settings.home,
        needed_to_land(0),
        task="a run",
        kept="Nothing was started and what is published stays served",
        then="run again",
    )
    begun = time.monotonic()
    before = served_now(settings)
    with _dagster_run.opened(settings) as place, following() as reporter:
        result = place.run(order, reporter)
    total = time.monotonic() - begun
    ending = Ending(result.record, result.run_id, result.started_at, total, before, ui_url)
    if result.succeeded:
        if not console().is_terminal:
            say()
        say_block(lines_of_success(settings, ending))
        return True
    if result.status == "canceled":
        say(f" run {result.run_id[:8]} was canceled; what was published before stays served")
        raise typer.Exit(ExitCode.INTERRUPTED)
    say(f" {failure_line(result.run_id, total, before, served_now(settings))}")
    say_block(lines_of_failure(settings, ending))
    return False


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is no date; write YYYY-MM-DD. Nothing was started"
        ) from error
