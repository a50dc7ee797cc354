"""The Dagster UI with its daemon as a data team runs it, asked through its GraphQL."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from orchestration.settings import PROJECT_DIR

_READY_SECONDS = 180
_RUN_SECONDS = 600
_DAEMON_SECONDS = 120

_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""

_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True)
class DagsterServer:
    """A running UI; every question goes to its GraphQL endpoint on the loopback."""

    port: int
    process: psutil.Process

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            document = json.loads(answer.read())
        assert "errors" not in document, document["errors"]
        data = document["data"]
        assert isinstance(data, dict)
        return data

    def launch(
        self,
        assets: Sequence[str] = (),
        *,
        tags: Mapping[str, str] | None = None,
        job: str = "__ASSET_JOB",
        checks: Sequence[tuple[str, str]] | None = None,
    ) -> str:
        """Press Materialize; returns the run's id. `checks` empty: with no check selected."""
        answer = self.answer_to_launch(assets, tags=tags, job=job, checks=checks)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def answer_to_launch(
        self,
        assets: Sequence[str] = (),
        *,
        tags: Mapping[str, str] | None = None,
        job: str = "__ASSET_JOB",
        checks: Sequence[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        """Press Materialize; returns what the UI is answered, also when nothing started."""
        selector: dict[str, Any] = {
            "repositoryLocationName": "shopthread",
            "repositoryName": "__repository__",
            "pipelineName": job,
        }
        if assets:
            selector["assetSelection"] = [{"path": name.split("/")} for name in assets]
        if checks is not None:
            selector["assetCheckSelection"] = [
                {"assetKey": {"path": asset.split("/")}, "name": name} for asset, name in checks
            ]
        pairs = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        answer = self.ask(
            _LAUNCH,
            {
                "params": {
                    "selector": selector,
                    "mode": "default",
                    "executionMetadata": {"tags": pairs},
                }
            },
        )["launchPipelineExecution"]
        assert isinstance(answer, dict)
        return answer

    def finish(self, run_id: str) -> str:
        """Wait for a run; returns its status."""
        query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        deadline = time.monotonic() + _RUN_SECONDS
        while time.monotonic() < deadline:
            status = str(self.ask(query, {"id": run_id})["runOrError"]["status"])
            if status in {"SUCCESS", "FAILURE", "CANCELED"}:
                return status
            time.sleep(1)
        raise AssertionError(f"run {run_id} did not end in {_RUN_SECONDS} s")

    def retry_of(self, run_id: str) -> str:
        """Wait for the run that Dagster makes by itself after one crashed; returns its id."""
        return self._made_by_dagster({"tags": [{"key": "dagster/parent_run_id", "value": run_id}]})

    def run_of_job(self, job: str) -> str:
        """Wait for a run that the schedule asks for; returns its id."""
        return self._made_by_dagster({"pipelineName": job})

    def _made_by_dagster(self, wanted: Mapping[str, Any]) -> str:
        query = """
        query ($wanted: RunsFilter) {
          runsOrError(filter: $wanted) { ... on Runs { results { runId } } }
        }
        """
        deadline = time.monotonic() + _DAEMON_SECONDS
        while time.monotonic() < deadline:
            found = self.ask(query, {"wanted": wanted})["runsOrError"]["results"]
            if found:
                return str(found[0]["runId"])
            time.sleep(0.5)
        raise AssertionError(f"the daemon made no run of {wanted} in {_DAEMON_SECONDS} s")

    def wait_for_queue(self) -> None:
        """Wait until the daemon has reported that it takes runs from the queue."""
        query = """
        { instance { daemonHealth { daemonStatus(daemonType: "QUEUED_RUN_COORDINATOR") {
          lastHeartbeatTime
        } } } }
        """
        deadline = time.monotonic() + _DAEMON_SECONDS
        while time.monotonic() < deadline:
            status = self.ask(query)["instance"]["daemonHealth"]["daemonStatus"]
            if status["lastHeartbeatTime"] is not None:
                return
            time.sleep(0.5)
        raise AssertionError(f"no daemon reported itself in {_DAEMON_SECONDS} s")

    def backfill(self, assets: Sequence[str], days: Sequence[str]) -> list[tuple[str, str]]:
        """Backfill assets as the UI does; returns (run id, status) of its runs in order."""
        answer = self.ask(
            _BACKFILL,
            {
                "params": {
                    "assetSelection": [{"path": name.split("/")} for name in assets],
                    "partitionNames": list(days),
                }
            },
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        query = """
        query ($id: String!) {
          partitionBackfillOrError(backfillId: $id) {
            ... on PartitionBackfill { status runs(limit: 50) { runId status startTime } }
          }
        }
        """
        deadline = time.monotonic() + _RUN_SECONDS
        while time.monotonic() < deadline:
            state = self.ask(query, {"id": answer["backfillId"]})["partitionBackfillOrError"]
            if state["status"] not in {"REQUESTED", "CANCELING", "FAILING"}:
                runs = sorted(state["runs"], key=lambda run: run["startTime"] or 0)
                return [(run["runId"], run["status"]) for run in runs]
            time.sleep(1)
        raise AssertionError(f"the backfill did not end in {_RUN_SECONDS} s")

    def failures(self, run_id: str) -> str:
        """Everything the run's failed steps say."""
        return json.dumps(self._step_failures(run_id))

    def reasons(self, run_id: str) -> dict[str, str]:
        """Step -> the sentence it gave as the reason of its failure, where it gave one."""
        return {
            str(event["stepKey"]): str(event["failureMetadata"]["description"])
            for event in self._step_failures(run_id)
            if event["failureMetadata"] and event["failureMetadata"]["description"]
        }

    def _step_failures(self, run_id: str) -> list[dict[str, Any]]:
        query = """
        query ($id: ID!) {
          logsForRun(runId: $id, limit: 5000) {
            ... on EventConnection {
              events {
                __typename
                ... on ExecutionStepFailureEvent {
                  stepKey
                  error { message causes { message } }
                  failureMetadata { description }
                }
              }
            }
          }
        }
        """
        events = self.ask(query, {"id": run_id})["logsForRun"]["events"]
        return [event for event in events if "error" in event]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(
    environment: Mapping[str, str], log: Path, command: str = "dagster"
) -> Iterator[DagsterServer]:
    """Run `dagster dev` (or `dg dev`) in the project until the block ends."""
    port = _free_port()
    program = str(Path(sys.executable).parent / command)
    arguments = [program, "dev", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            arguments,
            cwd=PROJECT_DIR,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = DagsterServer(port, psutil.Process(process.pid))
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            assert process.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < deadline, log.read_text()[-4000:]
            with contextlib.suppress(OSError, urllib.error.URLError, AssertionError, KeyError):
                found = server.ask(
                    "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
                )["workspaceOrError"]["locationEntries"]
                if found and all(entry["loadStatus"] == "LOADED" for entry in found):
                    break
            time.sleep(1)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
