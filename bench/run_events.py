"""What a finished run says of itself: its event log, and the log dbt wrote beside it.

`python -m bench.run_events --home FOLDER` prints JSON, in a process of its own because Dagster
takes its instance from the environment. What follows from it belongs to `gates` and `budget`.
"""

import argparse
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.harness import ROOT, BenchError, python

_BEGIN = re.compile(r"^\S+ call with \d+ results$")
_NODE = re.compile(r"^\S+ \S+ (model|seed|test)\.\S+(?: \d+ rows)? in ([\d.]+) s\b")


@dataclass(frozen=True)
class RunEvents:
    """One run: when its steps ran (seconds since it was started), and what it wrote down."""

    seconds: float
    steps: Mapping[str, tuple[float, float]]
    events: int
    checks: int


@dataclass(frozen=True)
class Invocation:
    """One call of dbt: seconds its threads spent on models and seeds, and on data tests."""

    model_seconds: float
    test_seconds: float
    tests: int


def read_run(home: Path, environment: Mapping[str, str]) -> RunEvents:
    """The newest run of a home. Raises BenchError when there is none or it did not end."""
    finished = subprocess.run(
        python("bench.run_events", "--home", str(home)),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise BenchError(f"no run can be read in {home}: {finished.stderr[-1000:]}")
    found = json.loads(finished.stdout)
    steps = {name: (begin, end) for name, (begin, end) in found["steps"].items()}
    return RunEvents(found["seconds"], steps, found["events"], found["checks"])


def read_dbt_log(log: Path) -> list[Invocation]:
    """Every call of dbt that the product noted in its log, in order."""
    calls: list[list[tuple[str, float]]] = []
    for line in log.read_text(encoding="utf-8").splitlines():
        if _BEGIN.search(line):
            calls.append([])
        elif found := _NODE.search(line):
            calls[-1].append((found[1], float(found[2])))
    return [
        Invocation(
            sum(seconds for kind, seconds in nodes if kind != "test"),
            sum(seconds for kind, seconds in nodes if kind == "test"),
            sum(kind == "test" for kind, _ in nodes),
        )
        for nodes in calls
    ]


def _read() -> RunEvents:
    """Read this process's instance."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        runs = instance.get_run_records(limit=1)
        if not runs or runs[0].start_time is None or runs[0].end_time is None:
            raise SystemExit("there is no run, or it has not ended")
        run, began = runs[0].dagster_run, runs[0].start_time
        started: dict[str, float] = {}
        steps: dict[str, tuple[float, float]] = {}
        kinds: Counter[str] = Counter()
        for entry in instance.all_logs(run.run_id):
            event = entry.dagster_event
            if event is None:
                continue
            kinds[event.event_type_value] += 1
            if event.is_step_start:
                started[str(event.step_key)] = entry.timestamp
            elif event.is_step_success or event.is_step_failure:
                key = str(event.step_key)
                steps[key] = (started[key] - began, entry.timestamp - began)
        return RunEvents(
            runs[0].end_time - began,
            steps,
            sum(kinds.values()),
            kinds[dg.DagsterEventType.ASSET_CHECK_EVALUATION.value],
        )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="bench.run_events")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    os.environ["SHOPTHREAD_HOME"] = str(options.home)
    os.environ["DAGSTER_HOME"] = str(options.home / "dagster")
    print(json.dumps(asdict(_read())))


if __name__ == "__main__":
    main()
