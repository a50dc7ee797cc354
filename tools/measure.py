"""Run any command and report its wall seconds, CPU seconds and peak memory.

    python -m tools.measure [--json FILE] [--label TEXT] -- make demo UI=0

Memory is the largest sum, over the whole tree of processes at one moment, of PSS: memory
shared by several of them counts once. Processes that outlive their parent stay in the tree.
Linux only, because PSS comes from /proc. The command's output and exit code pass through;
what is measured goes to standard error, and as one JSON object to FILE. Judging a figure
against a budget does not belong here.
"""

import argparse
import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PROC = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Measurement:
    """What one command cost. Memory in MiB; CPU is user plus system of the whole tree."""

    label: str
    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_pss_mib: float
    peak_processes: int
    samples: int

    def sentence(self) -> str:
        """Say it in one line."""
        return (
            f"measure: {self.label}: {self.wall_seconds:.1f} s wall, {self.cpu_seconds:.1f} s CPU, "
            f"peak {self.peak_pss_mib:.0f} MiB PSS in {self.peak_processes} processes, "
            f"exit {self.exit_code}"
        )


@dataclass(frozen=True)
class Process:
    """One process at one moment; `born` tells it from a later one with the same number."""

    pid: int
    parent: int
    born: int
    cpu_ticks: int


def processes() -> Iterator[Process]:
    """Give every process of the machine that can be read."""
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # it ended between the listing and the reading
        # The name in parentheses may hold spaces; fields are counted from behind it (proc(5)).
        field = stat.rpartition(")")[2].split()
        yield Process(
            int(entry.name), int(field[1]), int(field[19]), int(field[11]) + int(field[12])
        )


def descendants(root: int) -> list[Process]:
    """List the processes below `root`, at any depth, at this moment."""
    children: dict[int, list[Process]] = {}
    for process in processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    open_ends = [root]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found += below
        open_ends += [process.pid for process in below]
    return found


def pss_kib(pid: int) -> int:
    """Proportional set size of one process in KiB; 0 when it has just ended."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line[:4] == "Pss:"), 0)


class Sampler(threading.Thread):
    """Watches the tree below this process until told to stop."""

    def __init__(self, interval_seconds: float) -> None:
        super().__init__(daemon=True)
        self.interval_seconds = interval_seconds
        self.peak_kib = 0
        self.peak_processes = 0
        self.samples = 0
        self.cpu_ticks: dict[tuple[int, int], int] = {}
        self.done = threading.Event()

    def run(self) -> None:
        """Keep the largest sum seen, and the last CPU time seen of each process."""
        while not self.done.is_set():
            tree = descendants(os.getpid())
            self.cpu_ticks |= {(one.pid, one.born): one.cpu_ticks for one in tree}
            sizes = [size for one in tree if (size := pss_kib(one.pid))]
            self.samples += 1
            self.peak_processes = max(self.peak_processes, len(sizes))
            self.peak_kib = max(self.peak_kib, sum(sizes))
            self.done.wait(self.interval_seconds)

    def cpu_seconds(self) -> float:
        """CPU time of all processes seen, each as of the last look at it."""
        return sum(self.cpu_ticks.values()) / os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Make this process the parent of descendants that lose theirs, so that they count."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) was refused")


def reap_orphans() -> None:
    """Collect adopted processes that have ended, so that their CPU time is counted."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def measure(
    command: list[str],
    *,
    label: str = "",
    interval_seconds: float = 0.2,
    environment: dict[str, str] | None = None,
    output: Path | None = None,
) -> Measurement:
    """Run `command` and wait for it; processes it leaves behind are measured until then.

    What it prints goes to `output`, or passes through.
    """
    if not (PROC / "self" / "smaps_rollup").exists():
        raise SystemExit("measure: needs /proc/<pid>/smaps_rollup (Linux 4.14 or newer)")
    adopt_orphans()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sampler = Sampler(interval_seconds)
    with contextlib.ExitStack() as stack:
        log = None if output is None else stack.enter_context(output.open("wb"))
        started = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        sampler.start()
        try:
            exit_code = process.wait()
        finally:
            wall = time.monotonic() - started
            sampler.done.set()
            sampler.join()
    reap_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    reaped = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # The kernel's sum misses what is still running or was never waited for (a fork server's
    # children), the looks miss the last moments of each process: the larger one is nearer.
    cpu = max(reaped, sampler.cpu_seconds())
    return Measurement(
        label=label or " ".join(command),
        exit_code=exit_code,
        wall_seconds=round(wall, 2),
        cpu_seconds=round(cpu, 2),
        peak_pss_mib=round(sampler.peak_kib / 1024, 1),
        peak_processes=sampler.peak_processes,
        samples=sampler.samples,
    )


def main() -> int:
    """Run the command line; the exit code is the measured command's."""
    parser = argparse.ArgumentParser(prog="tools.measure", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--label", default="", help="how the figures are called")
    parser.add_argument("--interval", type=float, default=0.2, help="seconds between two looks")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command to run")
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command given; write it after --")
    result = measure(command, label=options.label, interval_seconds=options.interval)
    print(result.sentence(), file=sys.stderr)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(asdict(result), indent=2) + "\n")
    return result.exit_code if result.exit_code >= 0 else 128 - result.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
