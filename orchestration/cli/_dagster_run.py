"""One run through Dagster, started here or handed to the daemon, and followed to its end.

The only module of the command line that imports Dagster, and only while a run is made.
Every run lies in the same instance as the UI's. With a daemon alive the run goes through
its queue, where the pool lets one run at a time write the warehouse. Without one it is
executed in this process: the queue is not asked, so a lock of the operating system keeps
a second command out for the whole run, and each step takes the warehouse's own lock.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from orchestration.cli._instance import (
    ensure_instance,
    private_log,
    run_lock_path,
    run_log_path,
)
from orchestration.cli._outcome import CommandError, UsageError
from orchestration.cli._progress import Reporter
from orchestration.cli._stages import CheckAnswer, Event, Happening, RunRecord
from orchestration.file_lock import BusyError, hold_file, holder_of
from orchestration.settings import PROJECT_DIR, Settings, worker_lock_path

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun
    from dagster._core.definitions.reconstruct import ReconstructableJob
    from dagster._core.events import DagsterEvent
    from dagster._core.remote_origin import RemoteJobOrigin
    from dagster_shared.error import SerializableErrorInfo

CODE_LOCATION = "shopthread"
"""As in workspace.yaml, so that a run from here belongs to the UI's code location."""

_DEFINITIONS = "orchestration.definitions"
_STARTED_BY = "shopthread/started_by"
_COMMAND_LINE = "command line"
_QUEUE_DAEMON = "QUEUED_RUN_COORDINATOR"
_HEARTBEAT_SECONDS = 75.0
"""A daemon reports every 30 s; one that missed two reports is taken for gone."""
_POLL_SECONDS = 0.5
_LOOK_SECONDS = 1.0
"""Whoever looks who holds the run lock has it for a moment."""
_EVENTS_PER_POLL = 500
_OUR_ERRORS = "orchestration."
_CHILD_ERROR = re.compile(r"^In process \d+: ([\w.]+)", re.MULTILINE)
_CHECK_STOPPED_STEP = "DagsterAssetCheckFailedError"


@dataclass(frozen=True)
class RunOrder:
    """What to run. No days: everything that is new."""

    job: str = "full"
    days: tuple[date, date] | None = None
    assets: tuple[str, ...] = ()
    """Keys like `publish/report`; all of the job's by default."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    run_id: str
    status: str
    """`success`, `failure` or `canceled`."""
    through_queue: bool
    record: RunRecord
    started_at: float
    seconds: float

    @property
    def succeeded(self) -> bool:
        return self.status == "success"


def as_of_tags(day: date | None) -> dict[str, str]:
    """Run tags that judge the data as of a day."""
    from orchestration.components.run_state import AS_OF_TAG

    return {} if day is None else {AS_OF_TAG: day.isoformat()}


def strict_tags(entity: str | None) -> dict[str, str]:
    """Run tags that let a refused batch of `<source>/<entity>` stop the house."""
    from orchestration.components.run_state import BLOCK_TAG

    return {} if entity is None else {BLOCK_TAG: entity}


def override_tags(reason: str | None) -> dict[str, str]:
    """Run tags by which an operator builds behind a closed gate."""
    from orchestration.components.guard import OVERRIDE_TAG

    return {} if reason is None else {OVERRIDE_TAG: reason}


def rebuild_tags(*, wanted: bool) -> dict[str, str]:
    """Run tags that build also what stands."""
    from orchestration.components.build_chain import REBUILD_TAG

    return {REBUILD_TAG: "yes"} if wanted else {}


def new_days(settings: Settings) -> tuple[date, date] | None:
    """The unbroken range of business dates that wait to be landed.

    None when nothing waits, or when what waits has gaps: a run without days takes it all.
    """
    from orchestration.components.arrivals import new_deliveries
    from orchestration.components.calendar import RANGE_END_TAG, RANGE_START_TAG
    from orchestration.landing.ledger import Ledger

    ledger = Ledger(settings.ledger_path, settings.sqlite_timeout_seconds)
    found = new_deliveries(settings, ledger, datetime.now(UTC))
    if len(found) != 1 or RANGE_START_TAG not in found[0].tags:
        return None
    tags = found[0].tags
    return date.fromisoformat(tags[RANGE_START_TAG]), date.fromisoformat(tags[RANGE_END_TAG])


@contextmanager
def opened(settings: Settings) -> "Iterator[Place]":
    """The instance of this home, and the decision where its next run is executed."""
    ensure_instance(settings)
    with _instance() as instance:
        _bury_killed_runs(instance, settings)
        is_queued = _daemon_is_alive(instance)
        log = private_log(run_log_path(settings))
        try:
            if not is_queued:
                _start_fork_server(log)
            yield Place(instance, settings, is_queued, log)
        finally:
            os.close(log)


@dataclass(frozen=True)
class Place:
    """Where runs are executed: in the daemon's queue, or in this process."""

    instance: "DagsterInstance"
    settings: Settings
    is_queued: bool
    log: int
    """Descriptor of the private file for what libraries write."""

    def run(self, order: RunOrder, reporter: Reporter) -> RunResult:
        """Make one run and follow it to its end.

        A run that fails is a result, not an error. Raises CommandError when no run could be
        started. Ctrl-C cancels a run of this process and leaves one of the daemon alone.
        """
        if self.is_queued:
            result = _through_queue(self.instance, order, reporter)
            if result is not None:
                return result
            reporter.note("the daemon does not answer any more; the run starts here instead")
        return _here(self, order, reporter)


def forget_daemons(settings: Settings) -> None:
    """Tell the instance that the daemons we started are gone, so that nothing waits for them."""
    ensure_instance(settings)
    with _instance() as instance:
        instance.wipe_daemon_heartbeats()


@contextmanager
def _instance() -> "Iterator[DagsterInstance]":
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        yield instance


# -- starting ---------------------------------------------------------------------------


def _here(place: Place, order: RunOrder, reporter: Reporter) -> RunResult:
    from dagster._core.execution.api import execute_run_iterator

    with ExitStack() as stack:
        stack.enter_context(_only_run_here(place.settings))
        stack.enter_context(_into(place.log, 2))
        was_interrupted = stack.enter_context(_noticing_interrupts())
        # Once more: one that had just begun when this command looked may be dead by now.
        _bury_killed_runs(place.instance, place.settings, holds_the_lock=True)
        _assert_no_worker_lives(place.instance)
        job, created = _create_run(place.instance, order)
        started = time.time()
        record = RunRecord(created.step_keys_to_execute or ())
        reporter.begin(record, _title(order, created.run_id, "in this process"))
        for dagster_event in execute_run_iterator(job, created, place.instance):
            _tell(dagster_event, time.time(), record, reporter)
        result = _result(place.instance, created.run_id, record, started, through_queue=False)
        if was_interrupted() and not result.succeeded:
            return replace(result, status="canceled")
        return result


@contextmanager
def _noticing_interrupts() -> Iterator[Callable[[], bool]]:
    """Gives what tells whether Ctrl-C or SIGTERM came.

    The terminal sends Ctrl-C to the steps as well: one of them may fail of it before Dagster
    cancels the run, which then looks like a failure.
    """
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def came() -> bool:
        try:
            numbers = os.read(reading, 4096)
        except BlockingIOError:
            return False
        return not {signal.SIGINT, signal.SIGTERM}.isdisjoint(numbers)

    try:
        yield came
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def _start_fork_server(log: int) -> None:
    """Start the process that steps are forked from, while this one reads the definitions.

    What steps write, a progress bar of DuckDB for one, goes to the log: the terminal belongs
    to the reporter.
    """
    from orchestration.components.preloading import start_fork_server

    with _into(log, 1), _into(log, 2):
        start_fork_server()


@contextmanager
def _into(log: int, stream: int) -> Iterator[None]:
    """What this process and its children write to a standard stream goes to the log."""
    kept = os.dup(stream)
    try:
        os.dup2(log, stream)
        yield
    finally:
        os.dup2(kept, stream)
        os.close(kept)


def _through_queue(
    instance: "DagsterInstance", order: RunOrder, reporter: Reporter
) -> RunResult | None:
    """Hand the run to the daemon. None when it was taken back because nobody took it."""
    from dagster._core.events import DagsterEvent

    _, created = _create_run(instance, order)
    instance.report_dagster_event(DagsterEvent.job_enqueue(created), run_id=created.run_id)
    started = time.time()
    record = RunRecord(created.step_keys_to_execute or ())
    reporter.begin(record, _title(order, created.run_id, "through the daemon's queue"))
    if not _wait_for_daemon(instance, created.run_id, reporter):
        return None
    try:
        _follow(instance, created.run_id, record, reporter)
    except KeyboardInterrupt:
        raise CommandError(
            f"you stopped watching; run {created.run_id} goes on in the daemon. The UI shows it "
            "under Runs and can end it"
        ) from None
    return _result(instance, created.run_id, record, started, through_queue=True)


def _create_run(
    instance: "DagsterInstance", order: RunOrder
) -> "tuple[ReconstructableJob, DagsterRun]":
    from dagster import AssetKey
    from dagster._core.definitions.reconstruct import ReconstructableRepository

    from orchestration.components.calendar import business_dates, range_tags

    repository = ReconstructableRepository.for_module(_DEFINITIONS, "defs", str(PROJECT_DIR))
    job = repository.get_reconstructable_job(order.job)
    tags = {_STARTED_BY: _COMMAND_LINE, **order.tags}
    if order.days is not None:
        _assert_inside_calendar(order.days, business_dates().get_partition_keys())
        tags |= range_tags(*order.days)
    keys = frozenset(AssetKey(name.split("/")) for name in order.assets) or None
    created = instance.create_run_for_job(
        job_def=job.get_definition(),
        tags=tags,
        asset_selection=keys,
        remote_job_origin=_origin(order.job),
        job_code_origin=job.get_python_origin(),
    )
    return job, created


def _origin(job: str) -> "RemoteJobOrigin":
    """Where the UI and the daemon find the job: the code location of workspace.yaml."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(
            executable_path=sys.executable,
            module_name=_DEFINITIONS,
            working_directory=str(PROJECT_DIR),
        ),
        CODE_LOCATION,
    )
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME).get_job_origin(job)


def _assert_inside_calendar(days: tuple[date, date], keys: Sequence[str]) -> None:
    first, last = days
    if keys and (first.isoformat() < keys[0] or last.isoformat() > keys[-1]):
        raise UsageError(
            f"{first} to {last} is not inside the calendar, which has the business dates "
            f"{keys[0]} to {keys[-1]}; nothing was started. SHOPTHREAD_FIRST_DAY and "
            "SHOPTHREAD_LAST_DAY move it"
        )


def _title(order: RunOrder, run_id: str, how: str) -> str:
    if order.assets:
        # It builds nothing else, so neither the job nor its days say what it does.
        return f"run {run_id[:8]} · only {' and '.join(order.assets)} · {how}"
    if order.days is None:
        what = "what is new"
    elif order.days[0] == order.days[1]:
        what = order.days[0].isoformat()
    else:
        what = f"{order.days[0]} to {order.days[1]}"
    return f"run {run_id[:8]} · job {order.job} · {what} · {how}"


# -- one run at a time, also without a daemon -------------------------------------------


@contextmanager
def _only_run_here(settings: Settings) -> Iterator[None]:
    try:
        with hold_file(run_lock_path(settings), "shopthread", _LOOK_SECONDS):
            yield
    except BusyError as error:
        raise _another_goes_on(holder_of(run_lock_path(settings))) from error


def _assert_no_worker_lives(instance: "DagsterInstance") -> None:
    """Raise CommandError while a run goes on whose daemon does not answer any more."""
    from dagster import DagsterRunStatus, RunsFilter

    going_on = [DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    for found in instance.get_runs(RunsFilter(statuses=going_on)):
        holder = holder_of(worker_lock_path(found.run_id))
        if holder is not None:
            raise _another_goes_on(holder)


def _another_goes_on(holder: str | None) -> CommandError:
    return CommandError(
        f"another run goes on: {holder or 'it ended just now'}; nothing was started and nothing "
        "was changed. Wait until it ends; `shopthread status` shows it. With a daemon (`make "
        "dev`) runs wait in its queue by themselves"
    )


def _bury_killed_runs(
    instance: "DagsterInstance", settings: Settings, *, holds_the_lock: bool = False
) -> None:
    """Report runs whose process was killed as failed; they would hold the queue's place for ever.

    A run of a command goes on only while that command holds the run lock, which nobody does
    where the caller `holds_the_lock`. The daemon looks after its own runs, but it may be gone
    as well.
    """
    from dagster import DagsterRunStatus, RunsFilter

    from orchestration.components.run_worker import has_lost_its_worker

    going_on = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    for found in instance.get_runs(RunsFilter(statuses=going_on)):
        is_of_a_command = found.tags.get(_STARTED_BY) == _COMMAND_LINE
        if is_of_a_command and not _was_queued(instance, found.run_id):
            is_lost = holds_the_lock or holder_of(run_lock_path(settings)) is None
        else:
            is_lost = has_lost_its_worker(instance, found.run_id)
        # In this order: it may have ended by itself before its lock was looked at.
        now = instance.get_run_by_id(found.run_id)
        if is_lost and now is not None and not now.is_finished:
            instance.report_run_failed(
                now, "the process that executed this run was killed; the next run takes over"
            )


def _was_queued(instance: "DagsterInstance", run_id: str) -> bool:
    from dagster import DagsterEventType

    return bool(
        instance.get_records_for_run(
            run_id, of_type=DagsterEventType.PIPELINE_ENQUEUED, limit=1
        ).records
    )


def _daemon_is_alive(instance: "DagsterInstance") -> bool:
    beat = instance.get_daemon_heartbeats().get(_QUEUE_DAEMON)
    return beat is not None and time.time() - beat.timestamp < _HEARTBEAT_SECONDS


def _wait_for_daemon(instance: "DagsterInstance", run_id: str, reporter: Reporter) -> bool:
    """Wait until the queue lets the run go. False: the daemon is gone, the run was taken back."""
    from dagster import DagsterRunStatus

    since = time.monotonic()
    said = False
    while True:
        found = instance.get_run_by_id(run_id)
        if found is None or found.status not in {
            DagsterRunStatus.QUEUED,
            DagsterRunStatus.NOT_STARTED,
        }:
            return True
        if not _daemon_is_alive(instance):
            instance.report_run_canceled(
                found, message="taken back by the command line: no daemon took it from the queue"
            )
            return False
        if not said and time.monotonic() - since > _HEARTBEAT_SECONDS / 5:
            reporter.note("waiting in the daemon's queue: another run writes the warehouse")
            said = True
        time.sleep(_POLL_SECONDS)


# -- following --------------------------------------------------------------------------


def _follow(
    instance: "DagsterInstance", run_id: str, record: RunRecord, reporter: Reporter
) -> None:
    cursor: str | None = None
    while True:
        found = instance.get_run_by_id(run_id)
        is_over = found is None or found.is_finished
        page = instance.get_records_for_run(run_id, cursor, limit=_EVENTS_PER_POLL)
        for item in page.records:
            if item.event_log_entry.dagster_event is not None:
                _tell(
                    item.event_log_entry.dagster_event,
                    item.event_log_entry.timestamp,
                    record,
                    reporter,
                )
        cursor = page.cursor
        if page.has_more:
            continue
        if is_over:
            return
        time.sleep(_POLL_SECONDS)


def _tell(dagster_event: "DagsterEvent", at: float, record: RunRecord, reporter: Reporter) -> None:
    event = translate(dagster_event, at)
    if event is not None:
        reporter.take(event, record.take(event))


def _result(
    instance: "DagsterInstance",
    run_id: str,
    record: RunRecord,
    started: float,
    *,
    through_queue: bool,
) -> RunResult:
    found = instance.get_run_by_id(run_id)
    status = "failure" if found is None else found.status.value.lower()
    return RunResult(run_id, status, through_queue, record, started, time.time() - started)


def translate(dagster_event: "DagsterEvent", at: float) -> Event | None:
    """A Dagster event in the words of the command line; None when it says nothing to people."""
    from dagster import DagsterEventType as Kind

    step_key = dagster_event.step_key or ""
    match dagster_event.event_type:
        case Kind.STEP_START:
            event = Event(Happening.STARTED, at, step_key)
        case Kind.STEP_SUCCESS:
            event = Event(Happening.DONE, at, step_key)
        case Kind.STEP_SKIPPED:
            event = Event(Happening.SKIPPED, at, step_key)
        case Kind.STEP_FAILURE:
            event = Event(Happening.FAILED, at, step_key, text=_step_reason(dagster_event))
        case Kind.ASSET_CHECK_EVALUATION:
            event = Event(Happening.CHECKED, at, step_key, check=_check_answer(dagster_event))
        case Kind.ASSET_MATERIALIZATION:
            event = _built(dagster_event, at, step_key)
        case Kind.RUN_SUCCESS | Kind.RUN_CANCELED:
            event = Event(Happening.ENDED, at)
        case Kind.RUN_FAILURE:
            because = _kind_of(dagster_event.job_failure_data.error)
            event = Event(Happening.ENDED, at, text=because)
        case _:
            return None
    return event


def _built(dagster_event: "DagsterEvent", at: float, step_key: str) -> Event:
    materialisation = dagster_event.step_materialization_data.materialization
    facts = tuple(
        (name, str(value.value))
        for name, value in materialisation.metadata.items()
        if isinstance(value.value, str | int | float | bool)
    )
    asset = materialisation.asset_key.to_user_string()
    return Event(Happening.BUILT, at, step_key, asset=asset, facts=facts)


def _check_answer(dagster_event: "DagsterEvent") -> CheckAnswer:
    from dagster import AssetCheckSeverity

    from orchestration.components.guard import project_graph

    evaluation = dagster_event.asset_check_evaluation_data
    key = evaluation.asset_check_key
    graph = project_graph()
    is_blocking = key in graph.asset_check_keys and graph.get(key).blocking
    return CheckAnswer(
        asset=key.asset_key.to_user_string(),
        name=key.name,
        passed=evaluation.passed,
        closes_gate=is_blocking and evaluation.severity is AssetCheckSeverity.ERROR,
        text=str(evaluation.description or ""),
    )


def _step_reason(dagster_event: "DagsterEvent") -> str:
    """Why a step failed, in our own words; empty when a check has already said it.

    The text of an error that is not ours may quote values: only its kind is told.
    """
    data = dagster_event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = _innermost(data.error)
    if error is None:
        return "stopped without a reason"
    if error.cls_name == _CHECK_STOPPED_STEP:
        return ""
    if error.message.startswith(_OUR_ERRORS):
        return error.message.partition(": ")[2].strip()
    return f"{error.cls_name}; the run's page in the UI shows where"


def _innermost(error: "SerializableErrorInfo | None") -> "SerializableErrorInfo | None":
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _kind_of(error: "SerializableErrorInfo | None") -> str:
    """The kind of an error, or of those that its child processes had."""
    inner = _innermost(error)
    if inner is None or inner.cls_name is None:
        return ""
    in_children = sorted(set(_CHILD_ERROR.findall(inner.message)))
    return ", ".join(kind.rpartition(".")[2] for kind in in_children) or inner.cls_name
