"""A run as it goes on: a table that moves on a terminal, lines of text elsewhere.

What to count is `_stages`; what to say at the end is `_run_summary`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from orchestration.cli._stages import (
    Event,
    Happening,
    RunRecord,
    Stage,
    StageRecord,
    StageState,
)
from orchestration.cli._terminal import LABEL_WIDTH, console, count, duration, plural, say

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {
    StageState.WAITING: "dim",
    StageState.RUNNING: "bold cyan",
    StageState.DONE: "green",
    StageState.FAILED: "bold red",
    StageState.SKIPPED: "yellow",
}
_REFRESHES_PER_SECOND = 4
_TURNING = "|/-\\"


class Reporter(Protocol):
    """Told of everything that happens to a run."""

    def begin(self, record: RunRecord, title: str) -> None:
        """A run with these stages is about to start."""

    def note(self, text: str) -> None:
        """Something worth knowing before or between stages."""

    def take(self, event: Event, stage: StageRecord | None) -> None:
        """An event was counted."""


class LineReporter:
    """One line when a stage ends."""

    def __init__(self) -> None:
        self._record = RunRecord([])
        self._said: set[Stage] = set()

    def begin(self, record: RunRecord, title: str) -> None:
        self._record = record
        say(f" {title}")

    def note(self, text: str) -> None:
        say(f" {text}")

    def take(self, event: Event, stage: StageRecord | None) -> None:
        if event.happening is Happening.ENDED:
            # A stage that a failed step cut off never ends by itself.
            for cut_off in self._record.stages.values():
                if cut_off.started_at is not None:
                    self._say(cut_off, event.at)
        elif stage is not None and stage.is_over:
            self._say(stage, event.at)

    def _say(self, stage: StageRecord, now: float) -> None:
        if stage.stage in self._said:
            return
        self._said.add(stage.stage)
        say(
            f" {stage.stage.value:<{LABEL_WIDTH}}{stage.state.value:<10}"
            f"{duration(stage.seconds(now)):>8}   {what_happened(stage)}".rstrip()
        )


class TableReporter:
    """A table of all stages, drawn again several times a second."""

    def __init__(self) -> None:
        self._record = RunRecord([])
        self._title = "starting"
        self._note = ""

    def begin(self, record: RunRecord, title: str) -> None:
        self._record, self._title = record, title

    def note(self, text: str) -> None:
        self._note = text

    def take(self, event: Event, stage: StageRecord | None) -> None:
        del event, stage
        self._note = ""

    def __rich__(self) -> "RenderableType":
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        now = time.time()
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(min_width=LABEL_WIDTH - 2, no_wrap=True)
        table.add_column(min_width=9, no_wrap=True)
        table.add_column(justify="right", min_width=8, no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for stage in self._record.stages.values():
            state = stage.state
            turning = f" {_TURNING[int(now * _REFRESHES_PER_SECOND) % len(_TURNING)]}"
            is_running = state is StageState.RUNNING
            shown = Text(state.value + (turning if is_running else ""), style=_STYLES[state])
            started = stage.started_at is not None
            table.add_row(
                Text(stage.stage.value, style="bold" if started else "dim"),
                shown,
                duration(stage.seconds(now)) if started else "",
                Text(what_happened(stage), style="dim"),
            )
        head = Text(f"{self._title}  {self._note}".rstrip(), style="dim")
        return Padding(Group(head, table), (0, 0, 1, 1))


def what_happened(stage: StageRecord) -> str:
    """What a stage built and what its checks said, in counts."""
    parts = []
    if stage.built:
        parts.append(f"{count(len(stage.built))} built")
    if stage.passed:
        parts.append(f"{plural(stage.passed, 'check')} passed")
    if stage.warned:
        parts.append(plural(stage.warned, "warning"))
    if stage.closed:
        parts.append(f"{plural(stage.closed, 'gate')} closed")
    return " · ".join(parts)


@contextmanager
def following() -> Iterator[Reporter]:
    """A reporter that fits standard output."""
    target = console()
    if not target.is_terminal:
        yield LineReporter()
        return
    from rich.live import Live

    reporter = TableReporter()
    with Live(reporter, console=target, refresh_per_second=_REFRESHES_PER_SECOND):
        yield reporter
