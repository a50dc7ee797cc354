"""Phase `ui`: seconds from Materialize to the first step, asked of a `dagster dev` server.

The first launch of a fresh server and later ones are told apart by their range. Where the
seconds go is told by the run's own events: the queue, the start of the worker, the fork server
that imports, the first step.
"""

import shutil
import time
from typing import Any

from bench.harness import BenchError, Spread
from bench.record import Line, PhaseResult
from bench.worlds import Worlds
from orchestration.settings import PROJECT_DIR
from tests.pipeline.dagster_server import DagsterServer, serve

AIM_SECONDS = 20.0

_EVENTS = """
query ($id: ID!) {
  logsForRun(runId: $id, limit: 5000) {
    ... on EventConnection {
      events { ... on MessageEvent { timestamp eventType stepKey } }
    }
  }
}
"""

_WAYMARKS = (
    ("RUN_DEQUEUED", "the daemon takes the run from its queue"),
    ("RUN_STARTING", "a worker is started for it"),
    ("RUN_START", "the worker has loaded the project"),
    ("STEP_WORKER_STARTING", "a first step is asked of the fork server"),
    ("STEP_START", "the first step starts"),
)
"""Events in the order in which they first happen, and what each means."""


def ui(worlds: Worlds, rounds: int) -> PhaseResult:
    """As many runs of the tiny world as there are rounds, on one server, in one home."""
    place = worlds.scratch / "ui"
    home = place / "home"
    (home / "dagster").mkdir(parents=True)
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", home / "dagster" / "dagster.yaml")
    began = time.monotonic()
    with serve(worlds.tiny.environment(home), place / "server.txt") as server:
        ready = time.monotonic() - began
        launches = [_launch(server) for _ in range(rounds)]
    lines = [Line("the server is ready", wall_seconds=ready)]
    for name, meaning in _WAYMARKS:
        taken = [launch[name] for launch in launches if name in launch]
        if taken:
            lines.append(
                Line(
                    meaning,
                    wall_seconds=sorted(taken)[len(taken) // 2],
                    note=", ".join(f"{seconds:.1f}" for seconds in taken) + " s after the launch",
                )
            )
    spread = Spread(
        "launch to first step",
        tuple(launch["STEP_START"] for launch in launches),
        AIM_SECONDS,
        " s",
    )
    return PhaseResult("ui", tuple(lines), (spread,), "wall seconds: a busy machine inflates them")


def _launch(server: DagsterServer) -> dict[str, float]:
    """Press Materialize and wait for the run; seconds from then to each first event."""
    pressed = time.time()
    run_id = server.launch(job="full")
    status = server.finish(run_id)
    if status != "SUCCESS":
        raise BenchError(f"the run from the UI ended as {status}: {server.failures(run_id)[:2000]}")
    return first_events(server.ask(_EVENTS, {"id": run_id})["logsForRun"]["events"], pressed)


def first_events(events: list[dict[str, Any]], pressed: float) -> dict[str, float]:
    """Seconds from `pressed` to the first event of each type; timestamps are milliseconds."""
    found: dict[str, float] = {}
    for event in events:
        kind = event.get("eventType")
        if kind:
            seconds = float(event["timestamp"]) / 1000 - pressed
            found[kind] = min(found.get(kind, seconds), seconds)
    if "STEP_START" not in found:
        raise BenchError(f"no step started among {len(events)} events; only {sorted(found)}")
    return found
