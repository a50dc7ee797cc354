"""Run candidates against each other so that their figures can be compared.

Each candidate is a command in a fresh process and a folder of its own; rounds go there and
back again (A B, B A, A B) so that a machine that slows down slows both. What a candidate
answers is compared before any figure is given: a faster wrong answer is an error. A ratio is
taken inside a round and told as median, least and most of the rounds. Which candidates a
phase has belongs to the phases, where figures are kept to `record`.
"""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.measure import Measurement

ROOT = Path(__file__).resolve().parent.parent

UNSTABLE_SPREAD = 0.25
"""Of a ratio's rounds, (most - least) / median; above it the machine was measured as well."""

CORES = 2
"""Both sides of every ratio are held to as many cores, and so to as many threads."""

INSIDE_FILE = "inside.json"
OUTPUT_FILE = "output.txt"

Answer = Mapping[str, object]
"""What a candidate made, by name; equal values mean equal work."""


class BenchError(RuntimeError):
    """A candidate failed; the message names it and where its output lies."""


class UnequalError(BenchError):
    """Two candidates did not do the same work, so their figures say nothing."""


@dataclass(frozen=True)
class Figures:
    """What one candidate cost in one round. Parts are CPU seconds of parts of it."""

    cpu_seconds: float
    wall_seconds: float
    peak_pss_mib: float
    parts: Mapping[str, float] = field(default_factory=dict)


Round = Mapping[str, Figures]
"""Figures by candidate."""


def _nothing(_place: Path) -> None:
    """Most candidates need nothing before the clock runs."""


@dataclass(frozen=True)
class Candidate:
    """One way to do the work. Every callable gets the folder of its round.

    With `measured_inside`, the figures are those the program took of itself with `inside`,
    which leaves out starting the interpreter and importing. Without an `answer` it is not
    compared with the others.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    answer: Callable[[Path], Answer] | None
    environment: Callable[[Path], Mapping[str, str]] = field(default=lambda _place: {})
    prepare: Callable[[Path], None] = _nothing
    measured_inside: bool = False


@dataclass(frozen=True)
class Ratio:
    """A figure out of one round, the median of which may have an aim (at most)."""

    label: str
    of: Callable[[Round], float]
    aim: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Spread:
    """One ratio over all rounds."""

    label: str
    values: tuple[float, ...]
    aim: float | None = None
    unit: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_unstable(self) -> bool:
        """Whether the rounds differ so much that the median is an accident."""
        width = max(self.values) - min(self.values)
        return width > UNSTABLE_SPREAD * abs(self.median)

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where there is no aim; UNSTABLE stands before it."""
        words = []
        if self.is_unstable:
            words.append("UNSTABLE")
        if self.aim is not None:
            words.append("met" if self.median <= self.aim else "missed")
        return ", ".join(words)


@dataclass(frozen=True)
class Comparison:
    """Candidates that do the same work; the first is ours."""

    name: str
    candidates: Sequence[Candidate]
    ratios: Sequence[Ratio]
    reads: Sequence[Path] = ()
    """Files read once before the first round, so that nobody pays for the disk."""


@dataclass(frozen=True)
class Outcome:
    """Figures of every round, and the ratios over them."""

    rounds: tuple[Round, ...]
    spreads: tuple[Spread, ...]
    compared: int
    """How many named answers were found equal in each round."""

    def median(self, candidate: str) -> Figures:
        """Each figure's own median over the rounds."""
        found = [one[candidate] for one in self.rounds]
        names = {name for figures in found for name in figures.parts}
        return Figures(
            statistics.median(item.cpu_seconds for item in found),
            statistics.median(item.wall_seconds for item in found),
            max(item.peak_pss_mib for item in found),
            {
                name: statistics.median(item.parts.get(name, 0.0) for item in found)
                for name in sorted(names)
            },
        )


def compare(comparison: Comparison, rounds: int, scratch: Path) -> Outcome:
    """Run every candidate `rounds` times, there and back again.

    The folder of a round is removed once its answers are found equal, and kept otherwise.
    Raises BenchError when a candidate fails and UnequalError when answers differ; then no
    figure of the comparison is told.
    """
    if rounds < 1:
        raise BenchError(f"{rounds} rounds measure nothing; ask for one or more")
    warm(comparison.reads)
    done: list[Round] = []
    compared = 0
    for number in range(rounds):
        figures: dict[str, Figures] = {}
        answers: dict[str, Answer] = {}
        folder = scratch / f"{comparison.name}-{number + 1}"
        for candidate in in_order(comparison.candidates, number):
            place = folder / folder_name(candidate.name)
            place.mkdir(parents=True)
            figures[candidate.name] = run_candidate(comparison.name, candidate, place)
            if candidate.answer is not None:
                answers[candidate.name] = candidate.answer(place)
        compared = assert_equal(comparison.name, answers, folder)
        done.append(figures)
        shutil.rmtree(folder)
    return Outcome(tuple(done), spreads(comparison.ratios, done), compared)


def folder_name(name: str) -> str:
    """A name as a folder, without what has a meaning to DuckDB: a comma parts search paths."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def in_order(candidates: Sequence[Candidate], number: int) -> Sequence[Candidate]:
    """Candidates of a round: forwards in the first, backwards in the second, and so on."""
    return candidates if number % 2 == 0 else tuple(reversed(candidates))


def run_candidate(comparison: str, candidate: Candidate, place: Path) -> Figures:
    """Run one candidate in its folder; raises BenchError when its exit code is not 0."""
    candidate.prepare(place)
    output = place / OUTPUT_FILE
    measured = measure(
        list(candidate.command(place)), candidate.name, candidate.environment(place), output
    )
    if measured.exit_code != 0:
        raise BenchError(
            f"{comparison}: {candidate.name} ended with {measured.exit_code}; nothing of this "
            f"phase is told; what it said is in {output}"
        )
    if not candidate.measured_inside:
        return Figures(measured.cpu_seconds, measured.wall_seconds, measured.peak_pss_mib)
    inner = json.loads((place / INSIDE_FILE).read_text(encoding="utf-8"))
    return Figures(
        inner["cpu_seconds"], inner["wall_seconds"], measured.peak_pss_mib, inner["parts"]
    )


def measure(
    command: Sequence[str], label: str, environment: Mapping[str, str], output: Path
) -> Measurement:
    """Measure a command in the project's folder; what it prints goes to `output`.

    The one who measures is a process of its own: a fork server lives on for a moment, and in
    this process it would be a child that the next command is charged for.
    """
    figures = output.with_name(f"{output.name}.json")
    with output.open("wb") as log:
        ended = subprocess.run(
            python("tools.measure", "--json", str(figures), "--label", label, "--", *command),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if not figures.is_file():
        raise BenchError(
            f"{label}: measuring it ended with {ended.returncode} and no figures; what it said "
            f"is in {output}"
        )
    return Measurement(**json.loads(figures.read_text(encoding="utf-8")))


def assert_equal(comparison: str, answers: Mapping[str, Answer], kept: Path) -> int:
    """Raise UnequalError unless every candidate made the same; returns how many were compared."""
    if not answers:
        return 0
    ours, *others = answers
    wanted = answers[ours]
    if len(answers) > 1 and not wanted:
        raise UnequalError(f"{comparison}: {ours} made nothing that could be compared")
    for other in others:
        made = answers[other]
        unequal = sorted(
            name
            for name in {*wanted, *made}
            if name not in wanted or name not in made or wanted[name] != made[name]
        )
        if unequal:
            shown = "; ".join(
                f"{name}: {wanted.get(name, 'missing')} against {made.get(name, 'missing')}"
                for name in unequal[:5]
            )
            raise UnequalError(
                f"{comparison}: {len(unequal)} of {len({*wanted, *made})} results of {other} are "
                f"not those of {ours} ({shown}), so no time is told; both are kept in {kept}"
            )
    return len(wanted) if others else 0


def spreads(ratios: Iterable[Ratio], rounds: Sequence[Round]) -> tuple[Spread, ...]:
    """Each ratio taken in each round."""
    return tuple(
        Spread(ratio.label, tuple(ratio.of(one) for one in rounds), ratio.aim, ratio.unit)
        for ratio in ratios
    )


def cpu(one: Round, candidate: str) -> float:
    """CPU seconds of a candidate in a round."""
    return one[candidate].cpu_seconds


def cpu_ratio(label: str, ours: str, theirs: str, aim: float | None = None) -> Ratio:
    """CPU seconds of one candidate for each of the other's."""
    return Ratio(label, lambda one: cpu(one, ours) / cpu(one, theirs), aim, "x")


def warm(files: Iterable[Path]) -> None:
    """Read files once and throw the bytes away."""
    for path in files:
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass


def pin() -> None:
    """Hold this process and all it starts to the first cores it may use."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


# -- inside a candidate -----------------------------------------------------------------


@dataclass
class Parts:
    """CPU seconds of named parts of the work, each added up."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add what the block costs to the part of that name."""
        before = own_cpu_seconds()
        try:
            yield
        finally:
            spent = own_cpu_seconds() - before
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


@contextmanager
def inside(place: Path) -> Iterator[Parts]:
    """Measure a block of this process, with the children it waits for, into its folder."""
    parts = Parts()
    cpu_before, wall_before = own_cpu_seconds(), time.monotonic()
    yield parts
    figures = {
        "cpu_seconds": round(own_cpu_seconds() - cpu_before, 4),
        "wall_seconds": round(time.monotonic() - wall_before, 4),
        "parts": {name: round(seconds, 4) for name, seconds in parts.seconds.items()},
    }
    (place / INSIDE_FILE).write_text(json.dumps(figures), encoding="utf-8")


def own_cpu_seconds() -> float:
    """User and system seconds of this process and the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def program(name: str) -> str:
    """A command that is installed beside this interpreter."""
    return str(Path(sys.executable).parent / name)
