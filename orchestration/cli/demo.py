"""`shopthread demo` and `shopthread demo bad-day`: the whole product on its sample data."""

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli._bad_day import Kind
from orchestration.cli._outcome import CommandError, ExitCode, UsageError, answering
from orchestration.settings import Settings, load_settings, ui_is_wanted

_SERVED_ORDERS = (
    "select count(*), coalesce(sum(net_amount), 0), max(business_date) from commerce.fct_orders"
)

demo_app = typer.Typer(no_args_is_help=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class Policy(StrEnum):
    """What a refused batch does to everything behind it."""

    BLOCK = "block"
    SERVE_LAST_GOOD = "serve_last_good"


@demo_app.callback(invoke_without_command=True)
@answering
def demo(
    context: typer.Context,
    ui: Annotated[
        bool | None,
        typer.Option("--ui/--no-ui", help="Serve the UI at the end; UI=0 says no as well."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=1,
            max=65535,
            metavar="PORT",
            help="Port of the UI; the next free one when it is taken.",
        ),
    ] = 3000,
) -> None:
    """Land, check, build, publish and report a year of sample data, then serve the UI.

    The input is a published grocery panel (The Complete Journey), simulated and for education.
    One gated run over its whole calendar; a second one finds nothing new and says so. The UI
    answers on 127.0.0.1 only, until Ctrl-C.

    \b
    Examples:
      shopthread demo
      shopthread demo --no-ui
      shopthread demo bad-day
      shopthread demo bad-day --repair

    \b
    Exit codes: 0 published and, if wanted, served until you ended it · 1 a gate closed, a step
    failed or the UI did not start · 2 wrong usage
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    _assert_panel(settings)
    _show_notice(settings)
    _let_retailer_deliver(settings)

    from orchestration.cli import _dagster_run, _ui
    from orchestration.cli._instance import served_ui
    from orchestration.cli._terminal import say_block
    from orchestration.cli.run import make_run

    is_wanted = ui_is_wanted() if ui is None else ui
    running = served_ui(settings)
    free = _ui.free_port(port) if is_wanted and running is None else None
    last = settings.last_day
    days = _dagster_run.new_days(settings) if last is None else (settings.first_day, last)
    order = _dagster_run.RunOrder(days=days)
    if not make_run(settings, order, ui_url=None if free is None else _ui.address(free)):
        raise typer.Exit(ExitCode.FAILED)
    if free is not None:
        try:
            _ui.serve(settings, free)
        finally:
            _dagster_run.forget_daemons(settings)
    elif running is not None:
        say_block([("UI", f"{running.url} is served already")])


@demo_app.command("bad-day", short_help="Deliver a corrupted day and watch the gate close.")
@answering
def bad_day(
    kind: Annotated[
        Kind,
        typer.Option(
            help="nulls: card numbers are missing. renamed: a column has another name. "
            "truncated: half a file."
        ),
    ] = Kind.NULLS,
    day: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Which day; the newest landed one by default."),
    ] = None,
    policy: Annotated[
        Policy,
        typer.Option(
            help="block: nothing behind the refused batch is built. serve_last_good, the panel's "
            "own policy: everything else goes on with the last good state, marked stale."
        ),
    ] = Policy.BLOCK,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Deliver the good day instead and run: the gate opens."),
    ] = False,
) -> None:
    """Deliver a corrupted day and watch the gate close while the last good version is served.

    Takes a day that was landed, corrupts a copy of it, drops it into the inbox as a source would
    and runs that day. Nothing of the bad batch gets behind quarantine; --repair undoes it.

    \b
    Examples:
      shopthread demo bad-day
      shopthread demo bad-day --kind renamed
      shopthread demo bad-day --policy serve_last_good
      shopthread demo bad-day --repair

    \b
    Exit codes: 0 the gate closed (or, with --repair, opened) as it should · 1 it did not
    """
    settings = load_settings()
    if repair:
        _repair(settings)
    else:
        _corrupt(settings, kind, _chosen_day(settings, day), policy)


def _corrupt(settings: Settings, kind: Kind, day: date, policy: Policy) -> None:
    from orchestration.cli import _dagster_run
    from orchestration.cli._bad_day import ENTITY, SOURCE, deliver_bad_day
    from orchestration.cli._terminal import count, say, say_block, short_path
    from orchestration.cli.run import make_run

    before = _answer(settings)
    delivery = deliver_bad_day(settings, day, kind)
    name = f"{SOURCE}/{ENTITY}"
    say_block(
        [
            ("bad day", f"{name} {day}: {kind.sentence}"),
            ("delivered", f"{short_path(delivery.path)}   {count(delivery.rows)} rows"),
            ("policy", _policy_line(settings, policy)),
        ]
    )
    say()
    strict = name if policy is Policy.BLOCK else None
    order = _dagster_run.RunOrder(
        job="daily", days=(day, day), tags=_dagster_run.strict_tags(strict)
    )
    succeeded = make_run(settings, order)
    refused = _is_refused(settings, day)
    same = _answer(settings) == before
    held = refused and same and succeeded is (policy is Policy.SERVE_LAST_GOOD)
    say()
    say_block(
        [
            ("readers", _readers_line(settings, is_same=same)),
            (
                "gate",
                "closed, as it should: nothing of the bad day is behind quarantine"
                if held
                else "did not do what it should; `shopthread status` and the UI show more",
            ),
            ("next", "shopthread demo bad-day --repair · shopthread status"),
        ]
    )
    if not held:
        raise typer.Exit(ExitCode.FAILED)


def _repair(settings: Settings) -> None:
    from orchestration.cli import _dagster_run
    from orchestration.cli._bad_day import ENTITY, SOURCE, deliver_good_day, delivered
    from orchestration.cli._terminal import count, say, say_block, short_path
    from orchestration.cli.run import make_run

    bad = delivered(settings)
    if bad is None:
        say_block([("repair", "no bad day lies in the inbox: nothing to do")])
        return
    rows = deliver_good_day(settings, bad)
    say_block(
        [
            ("repair", f"{SOURCE}/{ENTITY} {bad.day}: the good day is delivered instead"),
            ("delivered", f"{short_path(bad.path)}   {count(rows)} rows"),
        ]
    )
    say()
    order = _dagster_run.RunOrder(job="daily", days=(bad.day, bad.day))
    if not make_run(settings, order) or _is_refused(settings, bad.day):
        raise typer.Exit(ExitCode.FAILED)
    say()
    say_block([("gate", "open: the refusal closed by itself, no check was touched")])


# -- what the demo looks at -------------------------------------------------------------


def _assert_panel(settings: Settings) -> None:
    folder = settings.panel_files()
    missing = [
        entity for entity in _entities(settings) if not (folder / f"{entity}.parquet").is_file()
    ]
    if missing:
        raise CommandError(
            f"the panel in {folder} lacks {', '.join(missing)}; nothing was started; `make setup` "
            "installs the package, SHOPTHREAD_PANEL_DIR names another folder"
        )


def _entities(settings: Settings) -> list[str]:
    from orchestration.cli._bad_day import declared

    source, _ = declared(settings)
    return [entity.name for entity in source.entities]


def _show_notice(settings: Settings) -> None:
    from orchestration.cli._run_summary import notices
    from orchestration.cli._terminal import say, say_block
    from orchestration.sources.config import load_sources

    say_block(notices(load_sources(settings.sources_dir, settings.enabled_sources)))
    say()


def _let_retailer_deliver(settings: Settings) -> None:
    from orchestration.cli import _retailer
    from orchestration.cli._terminal import count, say, say_block, short_path

    if not _retailer.is_wanted(settings):
        return
    delivered = _retailer.deliver(settings)
    if delivered is None:
        return
    say_block(
        [
            (
                "retailer",
                (
                    f"Maple & Main, which does not exist, delivered {count(delivered.rows)} rows of "
                    f"{count(delivered.people)} people in {delivered.seconds:.1f} s"
                ),
            ),
            ("", f"{short_path(settings.retailer_dir)}, the last weeks day by day in the inbox"),
        ]
    )
    say()


def _chosen_day(settings: Settings, text: str | None) -> date:
    from orchestration.cli._bad_day import ENTITY, SOURCE
    from orchestration.cli._ledger_view import LedgerView

    days = LedgerView(settings.ledger_path).days_with_rows(SOURCE, ENTITY)
    if not days:
        raise CommandError(
            f"{SOURCE}/{ENTITY} has landed no day yet, so there is none to corrupt; run "
            "`shopthread demo` first"
        )
    if text is None:
        return max(days)
    try:
        wanted = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--day {text!r} is no date; write YYYY-MM-DD") from error
    if wanted not in days:
        raise UsageError(
            f"--day {wanted} has no landed rows; landed are {min(days)} to {max(days)}; nothing "
            "was delivered"
        )
    return wanted


def _is_refused(settings: Settings, day: date) -> bool:
    from orchestration.cli._bad_day import ENTITY, SOURCE
    from orchestration.cli._ledger_view import LedgerView

    return any(
        (item.source_key, item.entity, item.partition_key) == (SOURCE, ENTITY, day.isoformat())
        for item in LedgerView(settings.ledger_path).open_refusals()
    )


def _answer(settings: Settings) -> tuple[object, ...] | None:
    """What readers are told about all orders, or None when nothing is published."""
    from orchestration.publish import query, served_number

    if served_number(settings.published_dir) is None:
        return None
    with query(settings, _SERVED_ORDERS) as result:
        return next(result.rows)


def _readers_line(settings: Settings, *, is_same: bool) -> str:
    from orchestration.publish import current

    answer, served = _answer(settings), current(settings)
    if answer is None or served is None:
        return "nothing was published before, and nothing is now"
    orders, net, newest = answer
    return (
        f"version {served.version} answers {'as before' if is_same else 'differently'}: "
        f"{orders:,} orders, {net:,.2f} net, newest day {newest}"
    )


def _policy_line(settings: Settings, policy: Policy) -> str:
    from orchestration.cli._bad_day import declared

    _, entity = declared(settings)
    own = (
        ""
        if policy.value == entity.on_bad_batch
        else (f", for this run only (defs.yaml says {entity.on_bad_batch})")
    )
    meaning = {
        Policy.BLOCK: "nothing behind a refused batch is built",
        Policy.SERVE_LAST_GOOD: "everything goes on with the last good state",
    }[policy]
    return f"{policy.value}: {meaning}{own}"
