"""`shopthread quarantine`: what was refused and is still open, and how to live without it.

Shows the open refusals and waives one. Nothing in quarantine is moved or removed here, and
no batch is judged: that belongs to `orchestration.landing`.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli._outcome import CommandError, UsageError, answering
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from orchestration.cli._ledger_view import OpenRefusal

quarantine_app = typer.Typer(
    no_args_is_help=False, pretty_exceptions_enable=False, rich_markup_mode=None
)


class ListFormat(StrEnum):
    """How the list is written."""

    TABLE = "table"
    JSON = "json"


@quarantine_app.callback(invoke_without_command=True)
@answering
def quarantine(context: typer.Context) -> None:
    """Show the refusals that are open, or waive one.

    A refusal closes by itself when a good batch arrives for its partition. `waive` closes it
    without one.

    \b
    Examples:
      shopthread quarantine list
      shopthread quarantine waive complete_journey/transactions 2017-12-31 --because "till broken"

    \b
    Exit codes: 0 done · 1 failed, nothing changed · 2 wrong usage
    """
    if context.invoked_subcommand is None:
        _show(_open(load_settings()))


@quarantine_app.command("list")
@answering
def list_refusals(
    output: Annotated[
        ListFormat, typer.Option("--format", "-f", help="JSON for programs.")
    ] = ListFormat.TABLE,
) -> None:
    """List the open refusals: source, entity, partition, rows, since when and why.

    Looks only, and answers while a run goes on.

    \b
    Examples:
      shopthread quarantine list
      shopthread quarantine list --format json

    \b
    Exit codes: 0 shown, also when nothing is open · 1 the state cannot be read
    """
    settings = load_settings()
    found = _open(settings)
    if output is ListFormat.JSON:
        typer.echo(json.dumps([_facts(settings, item) for item in found], indent=2))
        return
    _show(found)


@quarantine_app.command("waive")
@answering
def waive(
    entity: Annotated[str, typer.Argument(metavar="SOURCE/ENTITY", help="As `list` writes it.")],
    partition: Annotated[
        str, typer.Argument(metavar="PARTITION", help="A business date, `snapshot` or `undated`.")
    ],
    because: Annotated[
        str,
        typer.Option(
            "--because",
            metavar="REASON",
            help="Kept in the ledger and shown on what is published; name no person in it.",
        ),
    ],
) -> None:
    """Close an open refusal without a new delivery, for a reason that is kept.

    Nothing of the refused batch lands: its rows stay in quarantine, and landing serves what it
    served before. The contract gate of the entity opens with its next landing. The waiver holds
    for this delivery under this contract; another delivery, or a changed contract, is judged as
    always.

    \b
    Examples:
      shopthread quarantine waive complete_journey/transactions 2017-12-31 --because "till broken"
      shopthread quarantine waive complete_journey/products snapshot --because "ticket 4711"

    \b
    Exit codes: 0 waived · 1 there is no such open refusal, nothing changed · 2 wrong usage
    """
    source, slash, name = entity.partition("/")
    if not (source and slash and name) or "/" in name:
        raise UsageError(f"{entity!r} is not SOURCE/ENTITY; nothing was waived")
    if not because.strip():
        raise UsageError("--because needs a reason; nothing was waived")
    from orchestration.cli._terminal import plural, say_block, short_path
    from orchestration.landing.ledger import Ledger

    settings = load_settings()
    if not settings.ledger_path.is_file():
        raise CommandError(
            f"{entity} {partition} has no open refusal, because nothing was ever landed here; "
            "nothing was waived"
        )
    ledger = Ledger(settings.ledger_path, settings.sqlite_timeout_seconds)
    waived = ledger.waive(source, name, partition, because.strip())
    folder = _folder(settings, source, name, partition, waived.batch_id)
    say_block(
        [
            ("waived", f"{entity} {partition}: {waived.because}"),
            ("refused", waived.reason),
            ("kept", f"{plural(waived.rows, 'row')} in quarantine: {short_path(folder)}"),
            ("next", "shopthread run: the contract gate opens with the next landing"),
        ]
    )


def _open(settings: Settings) -> "tuple[OpenRefusal, ...]":
    from orchestration.cli._ledger_view import LedgerView

    return LedgerView(settings.ledger_path).open_refusals()


def _folder(settings: Settings, source: str, entity: str, partition: str, batch: str) -> Path:
    return settings.quarantine_dir / source / entity / partition / batch


def _facts(settings: Settings, item: "OpenRefusal") -> dict[str, object]:
    return {
        "source": item.source_key,
        "entity": item.entity,
        "partition": item.partition_key,
        "batch_id": item.batch_id,
        "rows": item.rows,
        "rows_by_reason": dict(item.rows_by_reason),
        "reason": item.reason,
        "refused_at": item.refused_at.isoformat(),
        "folder": str(
            _folder(settings, item.source_key, item.entity, item.partition_key, item.batch_id)
        ),
    }


def _show(found: "Sequence[OpenRefusal]") -> None:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table

    from orchestration.cli._terminal import console, count, instant, say, say_block

    if not found:
        say(" no refusal is open")
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in ("source/entity", "partition"):
        table.add_column(name, no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("since", no_wrap=True)
    table.add_column("reason", overflow="fold", min_width=20)
    for item in found:
        table.add_row(
            f"{item.source_key}/{item.entity}",
            item.partition_key,
            count(item.rows),
            instant(item.refused_at),
            item.reason,
        )
    console().print(Padding(table, (0, 0, 0, 1), expand=False))
    say_block(
        [
            (
                "next",
                (
                    "deliver a repaired batch for the partition and run again, or "
                    'shopthread quarantine waive SOURCE/ENTITY PARTITION --because "…"'
                ),
            )
        ]
    )
