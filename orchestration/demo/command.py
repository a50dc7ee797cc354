"""The command line of the synthetic retailer: `python -m orchestration.demo`.

Reads arguments, starts one run and prints what it wrote. What a run does lies in `retailer`.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from orchestration.demo.deliveries import hand_over
from orchestration.demo.incidents import Planting
from orchestration.demo.panel import NO_PANEL, read_panel_cards
from orchestration.demo.retailer import Outcome, generate
from orchestration.demo.sizes import SIZES
from orchestration.demo.trouble import POISONED, USUAL
from orchestration.settings import load_settings

_KIB = 1024


def generate_retailer(
    *,
    output: Annotated[Path, typer.Option(help="Empty or absent folder to write into.")],
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")] = "tiny",
    seed: Annotated[int, typer.Option(help="Other seeds make other people.")] = 7,
    clean: Annotated[bool, typer.Option("--clean", help="Plant no incidents.")] = False,
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Plant bad files, but no trouble in the shops.")
    ] = False,
    poisoned: Annotated[
        bool, typer.Option("--poisoned", help="More identifiers that glue strangers together.")
    ] = False,
    panel: Annotated[
        bool, typer.Option(help="Give the published panel's cards to people (the demo extra).")
    ] = True,
    inbox: Annotated[
        Path | None, typer.Option(help="Also play the deliveries into this inbox.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last morning that is played into the inbox."),
    ] = None,
) -> None:
    """Write what Maple & Main delivers, a retailer that does not exist, and its truth.

    Below OUTPUT lie `history/`, `deliveries/<morning>/` and `truth/`. The same size, seed and
    flags write the same content on every machine.
    """
    if size not in SIZES:
        raise typer.BadParameter(f"{size} is none of {', '.join(SIZES)}", param_hint="--size")
    if output.exists() and any(output.iterdir()):
        raise typer.BadParameter(
            f"{output} is not empty; nothing was written; name another folder or empty it",
            param_hint="--output",
        )
    planting = Planting.NONE if clean else Planting.FILES if files_only else Planting.ALL
    cards = read_panel_cards(load_settings().panel_files()) if panel else NO_PANEL
    outcome = generate(
        output,
        size=SIZES[size],
        seed=seed,
        panel=cards,
        planting=planting,
        trouble=POISONED if poisoned else USUAL,
    )
    console = Console()
    console.print(_table(outcome))
    console.print(_sentence(outcome, output))
    if inbox is not None:
        last: date | None = until.date() if until else None
        console.print(f"{hand_over(output, inbox, last):,} files handed over to {inbox}")


def _table(outcome: Outcome) -> Table:
    table = Table(title="Maple & Main: what was delivered", title_justify="left", box=None)
    for name in ("source", "entity"):
        table.add_column(name, no_wrap=True)
    for name in ("files", "rows", "KiB", "CPU s"):
        table.add_column(name, justify="right", no_wrap=True)
    for feed, totals in outcome.totals.items():
        table.add_row(
            feed.source,
            feed.entity,
            f"{totals.files:,}",
            f"{totals.rows:,}",
            f"{totals.bytes // _KIB:,}",
            f"{totals.cpu_seconds:.2f}",
        )
    return table


def _sentence(outcome: Outcome, output: Path) -> str:
    world = outcome.books.world
    cpu = outcome.world_seconds + sum(total.cpu_seconds for total in outcome.totals.values())
    rows = sum(total.rows for total in outcome.totals.values())
    return (
        f"{len(world.people):,} people, {outcome.event_count:,} events, {rows:,} rows delivered in "
        f"{cpu:.1f} CPU seconds, {len(world.incidents.planted)} incidents; truth in "
        f"{output / 'truth'}"
    )


def main() -> None:
    """Run the command with the arguments of this process."""
    typer.run(generate_retailer)
