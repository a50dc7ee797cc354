"""`shopthread publish` and `shopthread rollback`: what readers see, forth and back."""

from typing import Annotated

import typer

from orchestration.cli._outcome import UsageError, answering
from orchestration.settings import load_settings

PUBLISH_ASSETS = ("publish/published_version", "publish/report")


@answering
def publish(
    override_gates: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Publish behind a closed gate. The reason is recorded and shown on the version.",
        ),
    ] = None,
) -> None:
    """Publish the marts that are built, behind every gate, and write the report.

    Builds nothing else and never goes around the guard: it refuses while a gate before it is
    closed, and names the check. Marts that are equal to the published ones make no new version.

    \b
    Examples:
      shopthread publish
      shopthread publish --override-gates "volume is right, the store was closed"

    \b
    Exit codes: 0 published, or nothing had changed · 1 a gate is closed, the version before
    stays served · 2 wrong usage
    """
    if override_gates is not None and not override_gates.strip():
        raise UsageError("--override-gates needs a reason; nothing was started")
    from orchestration.cli import _dagster_run
    from orchestration.cli.run import run_and_tell

    order = _dagster_run.RunOrder(
        assets=PUBLISH_ASSETS, tags=_dagster_run.override_tags(override_gates)
    )
    run_and_tell(load_settings(), order)


@answering
def rollback(
    version: Annotated[
        int | None,
        typer.Argument(metavar="VERSION", help="Version to serve; the one before by default."),
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, for the history of versions.")
    ] = "",
    listing: Annotated[
        bool, typer.Option("--list", help="Show the versions that are kept, and change nothing.")
    ] = False,
) -> None:
    """Serve an earlier published version again.

    Compares every byte of that version with its manifest, then moves the pointer in one step;
    readers who are in the middle of a query keep theirs. No data is written and no version is
    removed, so it can be taken back the same way. The next run publishes on top of what is served
    then.

    \b
    Examples:
      shopthread rollback --list
      shopthread rollback
      shopthread rollback 3 --reason "december sales are wrong"

    \b
    Exit codes: 0 served (also when it was already) · 1 there is no such version or it
    is not whole, nothing moved
    """
    from orchestration.cli._terminal import say, say_block
    from orchestration.publish import rollback as go_back
    from orchestration.publish import served_number, versions

    settings = load_settings()
    if listing:
        kept = versions(settings)
        if not kept:
            say(" nothing was published yet; `shopthread run` does")
        say_block(
            [
                (
                    f"version {item.version}",
                    (
                        f"data as of {item.manifest.data_as_of}   published "
                        f"{item.manifest.published_at:%Y-%m-%d %H:%M UTC}"
                        f"{'   served' if item.is_current else ''}"
                    ),
                )
                for item in reversed(kept)
            ]
        )
        return
    before = served_number(settings.published_dir)
    served = go_back(settings, version, reason=reason)
    if before == served.version:
        say_block([("served", f"version {served.version}, as before; nothing moved")])
        return
    came_from = "" if before is None else f" instead of version {before}"
    back = "" if before is None else f"shopthread rollback {before} serves it again · "
    say_block(
        [
            (
                "served",
                f"version {served.version}, data as of {served.manifest.data_as_of}{came_from}",
            ),
            ("next", f"{back}shopthread report writes the report of what is served"),
        ]
    )
