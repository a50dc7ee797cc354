"""Writing to the terminal: blocks of labelled lines, numbers and times as people read them.

No decision about what to say is made here. Text of the data is made harmless for the
terminal before it is written.
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

LABEL_WIDTH = 10
_MINUTE = 60
_HOUR = 3600
_MILLION = 1_000_000
_WIDE = 10_000
"""Columns of output that no terminal shows: programs read it, so lines are not broken."""


def console(*, error: bool = False) -> "Console":
    """A console on the streams of this moment; no width limit where no terminal is."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(
        file=stream,
        highlight=False,
        emoji=False,
        markup=False,
        width=None if stream.isatty() else _WIDE,
        soft_wrap=not stream.isatty(),
    )


def say(text: str = "") -> None:
    """One line on standard output."""
    console().print(text, soft_wrap=True)


def say_error(text: str) -> None:
    """A sentence on standard error."""
    from rich.text import Text

    console(error=True).print(Text("error: ", style="bold red").append(text, style="default"))


def say_alarm(text: str) -> None:
    """Something that needs a person soon although the command goes on, on standard error."""
    from rich.text import Text

    console(error=True).print(Text("alarm: ", style="bold yellow").append(text, style="default"))


def say_aside(text: str) -> None:
    """A remark on standard error, so that standard output holds the answer alone."""
    from rich.text import Text

    console(error=True).print(Text(text, style="dim"))


def say_block(lines: Sequence[tuple[str, str]]) -> None:
    """Labelled lines under one another; a label that repeats is written once."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, min_width=LABEL_WIDTH - 1)
    table.add_column(overflow="fold")
    before = ""
    for label, text in lines:
        shown = "" if label == before else label
        table.add_row(Text(shown, style="bold"), Text(text))
        before = label
    target = console()
    if target.is_terminal:
        target.print(Padding(table, (0, 0, 0, 1)))
        return
    before = ""
    for label, text in lines:
        shown = "" if label == before else label
        target.print(f" {shown:<{LABEL_WIDTH}}{text}".rstrip(), soft_wrap=True)
        before = label


def printable(text: str) -> str:
    """Text of the data with everything that could steer a terminal written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def count(number: int) -> str:
    """A count with thousands apart."""
    return f"{number:,}"


def short_count(number: int) -> str:
    """A count as it is spoken: millions with one digit behind the point."""
    if number >= _MILLION:
        return f"{number / _MILLION:.1f} M"
    return count(number)


def plural(number: int, noun: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.4 s, 14 s, 1 m 52 s, 1 h 03 m."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} m"


def instant(moment: datetime | None) -> str:
    """A UTC instant to the minute."""
    return "never" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def short_path(path: Path) -> str:
    """A path as it is typed from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
