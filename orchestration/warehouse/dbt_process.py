"""Run dbt in this process, which is warm: the project is parsed and everything imported.

The one module that calls dbt's programmatic interface; `tests/dbt/test_dbt_process.py`
is its contract test. `build_by_command_line` is the fallback with the same result. What
dbt prints may quote values of the data, so it writes no log, and only names, statuses,
counts and what `dbt_log` lets through come back.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.failpoints import Place, reach
from orchestration.faults import kind_of
from orchestration.settings import Settings
from orchestration.warehouse.dbt_log import keep, reason_without_values
from orchestration.warehouse.manifest import DbtManifest

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_REASON_EVENT = "RunResultError"
_RESULT_EVENTS = frozenset({"LogModelResult", "LogSeedResult", "LogTestResult"})
_FAILED = frozenset({"error", "fail", "runtime error"})


class DbtError(RuntimeError):
    """dbt could not build; the message names nodes and statuses, never values."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one node of the project."""

    unique_id: str
    status: str
    failures: int | None
    raw_event: Mapping[str, Any]
    """dbt's structured event, for the wiring that turns it into the UI's events."""
    reason: str | None = None
    """Why a model failed, without values of the data."""

    @property
    def failed(self) -> bool:
        return self.status.lower() in _FAILED


@dataclass(frozen=True)
class Order:
    """What dbt is to do, by unique id."""

    models: Sequence[str]
    """Models and seeds to build."""
    tests: Sequence[str]
    """Data tests to run."""
    standing: Sequence[str] = ()
    """Models and seeds that are tested and not built."""

    @property
    def is_empty(self) -> bool:
        return not (self.models or self.tests)


def build(
    settings: Settings,
    manifest: DbtManifest,
    order: Order,
    on_result: Callable[[NodeResult], None],
) -> None:
    """Build exactly the ordered models, seeds and data tests, in dependency order.

    A failed test stops the models behind it. Calls `on_result` in this thread for each
    node that ran. Raises DbtError when dbt itself could not run; a failed node is a
    result, not an error.
    """
    if order.is_empty:
        return
    from dbt.cli.main import dbtRunner

    identity = _identity(manifest)
    # dbt writes into what it is given, so nobody else may be given the same.
    parsed = _made_ready.pop(identity, None) or _parsed(manifest)
    collected: list[NodeResult] = []
    reasons: dict[str, str] = {}
    unheard: list[Exception] = []

    def listen(event: Any) -> None:
        try:
            if event.info.name in _RESULT_EVENTS:
                collected.append(_result(_as_dict(event)))
                reach(Place.WAREHOUSE_NODE_DONE)
            elif event.info.name == _REASON_EVENT:
                reasons.update(_reason(_as_dict(event)))
        except Exception as error:  # noqa: BLE001 (dbt would drop it without a word)
            unheard.append(error)

    try:
        with _private_output(settings):
            outcome = dbtRunner(manifest=parsed, callbacks=[listen]).invoke(
                [*_quiet(), *_arguments(settings, manifest, order)]
            )
    finally:
        release_warehouse()
    if unheard:
        raise unheard[0]
    _tell(settings, collected, reasons, on_result)
    if outcome.exception is not None:
        raise DbtError(
            f"dbt stopped with {kind_of(outcome.exception)}; nothing of this layer was "
            f"published; what ran until then is in {_log_folder(settings)}"
        )


_made_ready: dict[tuple[object, ...], "Manifest"] = {}
"""Parsed projects for processes that are forked from this one, each used once."""


def make_ready(settings: Settings, manifest: DbtManifest) -> None:
    """Do once what every call of dbt begins with, for the processes forked from this one.

    The parsed project, dbt's serialisers, its adapter and its flags: 2.7 of 4.6 CPU seconds of
    a call with two models (2026-11). Opens no database and starts no thread. Raises DbtError
    when dbt does not take the project.
    """
    from dbt.cli.main import dbtRunner

    parsed = _parsed(manifest)
    with _private_output(settings):
        outcome = dbtRunner(manifest=parsed).invoke(
            [
                *_quiet(),
                *("list", "--select", "fqn:nothing"),
                *_places(settings),
                *("--no-write-json", "--log-level-file", "none"),
            ]
        )
    if outcome.exception is not None:
        raise DbtError(f"dbt stopped with {kind_of(outcome.exception)} while it was made ready")
    _made_ready[_identity(manifest)] = parsed


def _parsed(manifest: DbtManifest) -> "Manifest":
    from dbt.contracts.graph.manifest import Manifest

    parsed = Manifest.from_msgpack(_parsed_file(manifest).read_bytes())
    # Not part of the file; the catalog reads dbt's graph.
    parsed.build_flat_graph()
    return parsed


def _parsed_file(manifest: DbtManifest) -> Path:
    return manifest.folder / "partial_parse.msgpack"


def _identity(manifest: DbtManifest) -> tuple[object, ...]:
    """Which parsed project this is, and which state of it."""
    path = _parsed_file(manifest)
    found = path.stat()
    return (path, found.st_ino, found.st_size, found.st_mtime_ns)


def build_by_command_line(
    settings: Settings,
    manifest: DbtManifest,
    order: Order,
    on_result: Callable[[NodeResult], None],
) -> None:
    """The same as `build`, through dbt's command in a process of its own (seconds slower)."""
    finished = subprocess.run(  # noqa: S603 (our own interpreter, arguments as a list)
        [
            *(sys.executable, "-m", "dbt.cli.main"),
            *("--log-format", "json", "--log-level", "info"),
            *_arguments(settings, manifest, order),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    collected: list[NodeResult] = []
    reasons: dict[str, str] = {}
    for line in finished.stdout.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            event = json.loads(line)
            name = event.get("info", {}).get("name")
            if name in _RESULT_EVENTS:
                collected.append(_result(event))
            elif name == _REASON_EVENT:
                reasons.update(_reason(event))
    _tell(settings, collected, reasons, on_result)
    # 1: a node failed, which is a result; anything else: dbt itself did.
    if finished.returncode not in {0, 1}:
        raise DbtError(
            f"dbt ended with exit code {finished.returncode}; what ran until then is in "
            f"{_log_folder(settings)}"
        )


def _tell(
    settings: Settings,
    collected: Sequence[NodeResult],
    reasons: Mapping[str, str],
    on_result: Callable[[NodeResult], None],
) -> None:
    """Keep what is known of each node, then hand it over."""
    results = [replace(item, reason=reasons.get(item.unique_id)) for item in collected]
    keep(_log_folder(settings), [f"call with {len(results)} results", *map(_line, results)])
    for result in results:
        on_result(result)


def _line(result: NodeResult) -> str:
    failures = "" if result.failures is None else f" {result.failures} rows"
    reason = "" if result.reason is None else f": {result.reason}"
    seconds = float(result.raw_event["data"].get("execution_time") or 0.0)
    return f"{result.status} {result.unique_id}{failures} in {seconds:.3f} s{reason}"


def release_warehouse() -> None:
    """Close dbt's connection: until then no other process can open the warehouse."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV  # noqa: SLF001 (dbt-duckdb has no public close)
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()


def _arguments(settings: Settings, manifest: DbtManifest, order: Order) -> list[str]:
    return [
        *_selection(manifest, order),
        *_places(settings),
        *("--exclude-resource-type", "unit_test"),
        # Nobody reads dbt's artifacts; they quote values and take half a second to write. Its
        # log quotes them as well.
        *("--no-write-json", "--log-level-file", "none"),
    ]


def _places(settings: Settings) -> list[str]:
    project = str(settings.dbt_project_dir)
    return [
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(settings.dbt_target_dir)),
        *("--log-path", str(_log_folder(settings))),
    ]


def _selection(manifest: DbtManifest, order: Order) -> list[str]:
    """The command that builds and tests exactly what is ordered.

    dbt compares every name with every node, so a layer that is built with all of its tests,
    or only tested, names its models and not its tests.
    """
    tests = set(order.tests)
    named: set[str] = {*order.models, *tests}
    command, follow = "build", "empty"
    if not (order.models and order.standing):
        models = {*order.models, *order.standing}
        if tests == manifest.tests_that_follow(models):
            command, follow = ("build" if order.models else "test"), "buildable"
            named = models
    return [
        command,
        *("--select", *(_selector(manifest, unique_id) for unique_id in sorted(named))),
        *("--indirect-selection", follow),
    ]


def _quiet() -> list[str]:
    return ["--quiet", "--log-level", "none", "--no-use-colors"]


def _selector(manifest: DbtManifest, unique_id: str) -> str:
    node = manifest.content["nodes"][unique_id]
    return "fqn:" + ".".join(node["fqn"])


def _log_folder(settings: Settings) -> Path:
    return settings.dbt_target_dir / "logs"


@contextlib.contextmanager
def _private_output(settings: Settings) -> Iterator[None]:
    """What dbt writes is readable by its owner only."""
    settings.dbt_target_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _as_dict(event: Any) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict

    return dict(MessageToDict(event, preserving_proto_field_name=True))


def _result(event: dict[str, Any]) -> NodeResult:
    data = event["data"]
    node = data["node_info"]
    failures = data.get("num_failures")
    return NodeResult(
        unique_id=str(node["unique_id"]),
        status=str(node.get("node_status") or data.get("status") or "unknown"),
        failures=None if failures is None else int(failures),
        raw_event=event,
    )


def _reason(event: dict[str, Any]) -> dict[str, str]:
    """Unique id of a failed node and what may be said of it; dbt repeats some without a node."""
    data = event["data"]
    unique_id = data.get("node_info", {}).get("unique_id")
    return {str(unique_id): reason_without_values(str(data["msg"]))} if unique_id else {}
