"""The stages of a run and what has happened in each: counted from events, shown nowhere.

A stage is a word of the flow and holds the steps of its layer. Where events come from is
`_dagster_run`; how they are drawn is `_progress`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """The words of the flow that a run goes through, in order."""

    LANDING = "landing"
    STAGING = "staging"
    IDENTITY = "identity"
    JOURNEY = "journey"
    MARTS = "marts"
    KPI = "kpi"
    QUALITY = "quality"
    PUBLISH = "publish"
    REPORT = "report"


_LAYER_STAGES = {
    "staging": Stage.STAGING,
    "int_identity": Stage.IDENTITY,
    "int_journey": Stage.JOURNEY,
    "marts": Stage.MARTS,
    "kpi": Stage.KPI,
    "quality": Stage.QUALITY,
}


def stage_of(step_key: str) -> Stage:
    """The stage of a step, told by its name: `land_…`, `build_<layer>`, `judge_<layer>`."""
    # Dagster cuts an op that its checks tie into a circle, and numbers the pieces.
    verb, _, rest = re.sub(r"_\d+$", "", step_key).partition("_")
    if verb == "land":
        return Stage.LANDING
    if verb in {"build", "judge"} and rest in _LAYER_STAGES:
        return _LAYER_STAGES[rest]
    return Stage.REPORT if "report" in step_key else Stage.PUBLISH


class Happening(StrEnum):
    """What an event says."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    BUILT = "built"
    CHECKED = "checked"
    ENDED = "ended"
    """The run as a whole ended; `text` says why, if it failed."""


@dataclass(frozen=True)
class CheckAnswer:
    """What one check said. The text carries counts and names, never values."""

    asset: str
    name: str
    passed: bool
    closes_gate: bool
    text: str


@dataclass(frozen=True)
class Event:
    """One thing that happened to a step; `at` in seconds of one clock."""

    happening: Happening
    at: float
    step_key: str = ""
    asset: str = ""
    check: CheckAnswer | None = None
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """Metadata of what was built, as text."""


class StageState(StrEnum):
    """How far a stage is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "not built"


@dataclass
class StageRecord:
    """One stage of a run that goes on."""

    stage: Stage
    steps: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    built: set[str] = field(default_factory=set)
    """Assets, each once however many days of it were built."""
    passed: int = 0
    warned: int = 0
    closed: int = 0
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Every step has ended, and one at least had begun."""
        return self.started_at is not None and self.steps <= self.ended | self.skipped

    @property
    def state(self) -> StageState:
        """Failed as soon as a step failed; done when all of its steps are."""
        if self.failed or self.closed:
            return StageState.FAILED
        if self.started_at is None:
            is_over = self.steps <= self.skipped and bool(self.steps)
            return StageState.SKIPPED if is_over else StageState.WAITING
        if self.steps <= self.ended | self.skipped:
            return StageState.DONE if not self.skipped else StageState.SKIPPED
        return StageState.RUNNING

    def seconds(self, now: float) -> float:
        """From the first step's start to the last step's end, or to now."""
        if self.started_at is None:
            return 0.0
        is_open = self.ended_at is None or not self.steps <= self.ended | self.skipped
        return max((now if is_open else self.ended_at or now) - self.started_at, 0.0)


class RunRecord:
    """All stages of one run, with what closed a gate and what failed."""

    def __init__(self, step_keys: Iterable[str]) -> None:
        self.stages: dict[Stage, StageRecord] = {}
        for step_key in step_keys:
            stage = stage_of(step_key)
            self.stages.setdefault(stage, StageRecord(stage)).steps.add(step_key)
        self.stages = {stage: self.stages[stage] for stage in Stage if stage in self.stages}
        self.closed: list[CheckAnswer] = []
        self.warnings: list[CheckAnswer] = []
        self.failures: list[tuple[str, str]] = []
        """Step and reason of steps that failed by themselves, not by a check."""
        self.facts: dict[str, dict[str, str]] = {}
        """Asset -> metadata of its last materialisation in this run, as text."""
        self.ended_because = ""
        """What the run itself said when it failed outside of any step."""

    def take(self, event: Event) -> StageRecord | None:
        """Count one event. Returns its stage, if it belongs to one."""
        if event.happening is Happening.ENDED:
            self._take_end(event)
            return None
        if not event.step_key:
            return None
        stage = stage_of(event.step_key)
        record = self.stages.setdefault(stage, StageRecord(stage))
        record.steps.add(event.step_key)
        match event.happening:
            case Happening.STARTED:
                record.started_at = record.started_at or event.at
            case Happening.BUILT:
                record.built.add(event.asset)
                self.facts[event.asset] = dict(event.facts)
            case Happening.CHECKED if event.check is not None:
                self._take_check(record, event.check)
            case Happening.SKIPPED:
                record.skipped.add(event.step_key)
            case Happening.DONE | Happening.FAILED:
                self._take_step_end(record, event)
            case _:
                pass
        return record

    def _take_end(self, event: Event) -> None:
        self.ended_because = event.text
        for record in self.stages.values():
            record.skipped |= record.steps - record.ended

    def _take_step_end(self, record: StageRecord, event: Event) -> None:
        record.ended.add(event.step_key)
        record.ended_at = event.at
        if event.happening is Happening.FAILED:
            record.failed.add(event.step_key)
            if event.text:
                self.failures.append((event.step_key, event.text))

    def _take_check(self, record: StageRecord, check: CheckAnswer) -> None:
        if check.passed:
            record.passed += 1
        elif check.closes_gate:
            record.closed += 1
            self.closed.append(check)
        else:
            record.warned += 1
            self.warnings.append(check)

    def seconds_of(self, stage: Stage, now: float) -> float:
        """Seconds of a stage, 0 when it is not part of the run."""
        record = self.stages.get(stage)
        return 0.0 if record is None else record.seconds(now)
