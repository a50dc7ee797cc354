"""Run the phases of the bench, print one table, keep one JSON line each.

`python -m bench.phases [--rounds N] [--home FOLDER] [phase …]`, or `make bench`. What a phase
compares lies in the module of its name, how it is measured in `harness`.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.empty import empty
from bench.full import full
from bench.gates import gates
from bench.harness import BenchError, pin
from bench.landing import landing
from bench.publishing import publish
from bench.query import query
from bench.record import HISTORY, PhaseResult, keep, show
from bench.ui import ui
from bench.worlds import Worlds

PHASES: dict[str, Callable[[Worlds, int], PhaseResult]] = {
    "full": full,
    "empty": empty,
    "gates": gates,
    "landing": landing,
    "publish": publish,
    "query": query,
    "ui": ui,
}

ROUNDS = 3


def run(names: list[str], worlds: Worlds, rounds: int, history: Path = HISTORY) -> int:
    """Run phases in order; the exit code is 1 when one of them could not be compared."""
    results: list[PhaseResult] = []
    failed: list[str] = []
    for name in names:
        load = os.getloadavg()
        print(f"bench: {name}, load average {load[0]:.1f}", file=sys.stderr, flush=True)
        try:
            result = PHASES[name](worlds, rounds)
        except BenchError as error:
            failed.append(f"bench: {error}")
            print(failed[-1], file=sys.stderr, flush=True)
            continue
        keep(result, load, history)
        results.append(result)
    if results:
        show(results)
        print(f"bench: one line a phase in {os.path.relpath(history)}")
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="bench.phases", description=__doc__)
    parser.add_argument("phases", nargs="*", metavar="phase", help=f"of {', '.join(PHASES)}; all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="there and back again, each")
    parser.add_argument(
        "--home", type=Path, help="a home in which the panel's full run succeeded already"
    )
    options = parser.parse_args()
    unknown = sorted({*options.phases} - {*PHASES})
    if unknown:
        parser.error(f"no phase {', '.join(unknown)}; there are {', '.join(PHASES)}")
    pin()
    scratch = Path(tempfile.mkdtemp(prefix="shopthread-bench-"))
    worlds = Worlds(scratch, options.home and options.home.resolve())
    code = run(options.phases or list(PHASES), worlds, options.rounds)
    if code == 0:
        shutil.rmtree(scratch)
    else:
        print(f"bench: what ran lies in {scratch}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
