"""Publish: build a version aside, have it verified, make it visible in one step.

The order of the steps is the promise: readers see the old version until the pointer moves
and the new one from then on, whatever is killed when. How files are written, verified,
moved and removed lies in the modules named after it; whether a run may publish at all is
the guard's decision.
"""

import shutil
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import duckdb

from orchestration.disk_space import (
    DiskSpaceError,
    full_message,
    is_disk_full,
    needed_to_publish,
    require_space,
)
from orchestration.failpoints import reach
from orchestration.publish.aggregate_files import RULES, AggregateRule, write_aggregate
from orchestration.publish.analytics_file import BuiltMart, write_analytics
from orchestration.publish.damage import entry_of
from orchestration.publish.declaration import MartDeclaration
from orchestration.publish.durability import exclusive, flush_tree
from orchestration.publish.engine import EngineLimits, open_engine
from orchestration.publish.errors import (
    DamagedError,
    NoWholeVersionError,
    PublishedStateError,
    PublishError,
    UnfinishedError,
    cause,
    reason,
)
from orchestration.publish.falling_back import fall_back
from orchestration.publish.hashes import counts_for_equality
from orchestration.publish.identified_file import BRIDGE, write_identified
from orchestration.publish.manifest import (
    FORMAT,
    FileEntry,
    IdentifiedEntry,
    Manifest,
    MartEntry,
    PublishContext,
    write_manifest,
)
from orchestration.publish.parquet_files import Parent, write_parquet
from orchestration.publish.permissions import (
    IDENTIFIED_FILE,
    PublishedGroups,
    make_published_dir,
    private_umask,
    seal,
)
from orchestration.publish.pointer import (
    ANALYTICS_FILE,
    FallBack,
    PublishedVersion,
    current,
    current_number,
    fell_back_to,
    make_current,
    next_number,
    repair,
    require_parent,
)
from orchestration.publish.quoting import literal
from orchestration.publish.retention import BUILDING_PREFIX, SPILL_PREFIX, clean_leftovers, prune
from orchestration.publish.verification import verify_in_second_process
from orchestration.settings import Settings

_PUBLISH_LOCK = ".publish.lock"


class Outcome(StrEnum):
    """Whether readers see something new."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"


class Step(StrEnum):
    """What a publish has just done, in this order; told to `on_step`."""

    STARTED = "started"
    CLEANED = "cleaned"
    MART_COPIED = "mart_copied"
    ANALYTICS_BUILT = "analytics_built"
    IDENTIFIED_BUILT = "identified_built"
    MART_EXPORTED = "mart_exported"
    AGGREGATE_BUILT = "aggregate_built"
    MANIFEST_WRITTEN = "manifest_written"
    SEALED = "sealed"
    VERIFIED = "verified"
    CONFIRMED = "confirmed"
    PLACED = "placed"
    POINTER_MOVED = "pointer_moved"
    LINK_MOVED = "link_moved"
    RECORDED = "recorded"
    PRUNED = "pruned"


@dataclass(frozen=True)
class PublishResult:
    """What a publish did. When unchanged, `published` is the version that stays current.

    `fell_back` is the alarm that this version ends: until now readers had an earlier version
    than the last published one.
    """

    outcome: Outcome
    published: PublishedVersion
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    reasons: tuple[str, ...]
    pruned: tuple[int, ...]
    seconds: float
    fell_back: FallBack | None = None

    @property
    def version(self) -> int:
        return self.published.version

    @property
    def message(self) -> str:
        """One sentence for people."""
        if self.outcome is Outcome.UNCHANGED:
            return (
                f"unchanged, version {self.version} stays: all {len(self.unchanged)} compared "
                "marts are hash-equal to it and the state of the sources is the same"
            )
        parent = self.published.manifest.parent
        before = "the first version" if parent is None else f"built on version {parent}"
        if self.fell_back is not None and self.fell_back.damaged_version is not None:
            before += f", because version {self.fell_back.damaged_version} is damaged"
        return (
            f"published version {self.version} ({before}): {len(self.changed)} marts new or "
            f"changed, {len(self.unchanged)} hash-equal; data as of "
            f"{self.published.manifest.data_as_of}"
        )


@dataclass(frozen=True)
class PublishOptions:
    """How a publish behaves; the defaults suit one machine.

    `keep` versions stay beside the current one and its parent. A second publisher waits
    `wait_seconds` for the first; the second process may take `verify_timeout_seconds`.
    `verify` gets the built folder and those seconds, and raises VerificationError.
    """

    groups: PublishedGroups = field(default_factory=PublishedGroups)
    rules: tuple[AggregateRule, ...] = RULES
    limits: EngineLimits = field(default_factory=EngineLimits)
    keep: int = 5
    wait_seconds: float = 60.0
    verify_timeout_seconds: float = 600.0
    verify: Callable[[Path, float], None] = verify_in_second_process


DEFAULT_OPTIONS = PublishOptions()


def pass_failpoint(step: Step, _detail: str) -> None:
    """Nobody listens to the progress but a test that interrupts it."""
    reach(f"publish.{step}")


def publish(
    settings: Settings,
    *,
    run_id: str,
    parent: int | None,
    context: PublishContext,
    declared: Mapping[str, MartDeclaration] | None = None,
    confirm: Callable[[], None] = lambda: None,
    on_step: Callable[[Step, str], None] = pass_failpoint,
    options: PublishOptions = DEFAULT_OPTIONS,
) -> PublishResult:
    """Publish the warehouse's marts as the next version, if anything changed.

    `parent` is the version that was current when the run began (None: there was none); if
    another one is current now, FencedError. A current version that is damaged is left first:
    the run goes on from the one that readers fell back to, and makes a new version whatever
    changed. `confirm` is called last before the new version gets its place and may raise to
    stop: there a step asks whether its run still is alive. `on_step` hears of progress. A
    second call by the same run after its version became current is not fenced and answers
    that nothing changed.

    Raises PublishError (its message says what was kept and what to do); then nothing became
    visible and what was built is removed. Raises UnfinishedError when the new version is
    served and only the link, the history or the removal of old versions is left to do.
    """
    began = time.monotonic()
    published_dir = settings.published_dir
    attempt: _Attempt | None = None
    try:
        with private_umask():
            make_published_dir(published_dir)
            with exclusive(
                published_dir / _PUBLISH_LOCK,
                holder=f"publish by run {run_id}",
                wait_seconds=options.wait_seconds,
            ):
                on_step(Step.STARTED, run_id)
                ground = _ground(settings, run_id, parent, context)
                on_step(Step.CLEANED, "")
                require_parent(published_dir, run_id, ground.parent)
                _require_space(settings, ground.before)
                order = _Order(settings, run_id, ground, context, declared, on_step, options)
                attempt = _Attempt(order)
                manifest, reasons = _build_and_place(attempt, confirm)
                pruned: tuple[int, ...] = ()
                if manifest is not None:
                    pruned = prune(published_dir, keep=options.keep)
                    on_step(Step.PRUNED, ", ".join(map(str, pruned)))
            published = current(settings)
    except (OSError, PublishError) as error:
        told = _told(error, settings, attempt)
        if told is error:
            raise
        raise told from error
    if published is None:
        raise PublishedStateError(f"{published_dir} has no current version after a publish")
    changed, unchanged = attempt.compared
    return PublishResult(
        outcome=Outcome.UNCHANGED if manifest is None else Outcome.PUBLISHED,
        published=published,
        changed=changed,
        unchanged=unchanged,
        reasons=reasons,
        pruned=pruned,
        seconds=time.monotonic() - began,
        fell_back=ground.fell_back,
    )


def _build_and_place(
    attempt: "_Attempt", confirm: Callable[[], None]
) -> tuple[Manifest | None, tuple[str, ...]]:
    """Build, seal, verify, place; no manifest when nothing changed. Leaves no half build."""
    options, on_step = attempt.order.options, attempt.order.on_step
    try:
        manifest, reasons = attempt.build()
        if manifest is not None:
            seal(attempt.building, options.groups)
            flush_tree(attempt.building)
            on_step(Step.SEALED, "")
            options.verify(attempt.building, options.verify_timeout_seconds)
            on_step(Step.VERIFIED, "")
            confirm()
            on_step(Step.CONFIRMED, "")
            attempt.place(manifest)
        return manifest, reasons
    finally:
        attempt.clean()


@dataclass(frozen=True)
class _Ground:
    """What the new version stands on.

    `parent` is what the fence expects, `before` the whole version to compare and to share
    files with. `alarm` says why a new version is needed even where nothing changed.
    """

    parent: int | None
    before: PublishedVersion | None
    fell_back: FallBack | None = None
    alarm: str | None = None


def _ground(
    settings: Settings, run_id: str, parent: int | None, context: PublishContext
) -> _Ground:
    """Leave a damaged version, tidy up, and say what to build on."""
    published_dir = settings.published_dir
    alarm: str | None = None
    before: PublishedVersion | None = None
    try:
        fall_back(settings, at=context.published_at)
    except NoWholeVersionError as error:
        alarm = str(error)
    repair(published_dir)
    clean_leftovers(published_dir)
    if alarm is None:
        before = current(settings)
    fell_back = None if before is None else before.fell_back
    return _Ground(
        parent=_expected_parent(published_dir, run_id, parent, before),
        before=before,
        fell_back=fell_back,
        alarm=alarm if fell_back is None else fell_back.message,
    )


def _told(
    error: OSError | PublishError, settings: Settings, attempt: "_Attempt | None"
) -> PublishError | UnfinishedError:
    """The error in the words of a publish: what is served, which bytes are missing, what next."""
    published_dir = settings.published_dir
    what = str(error)
    if isinstance(error, OSError):
        what = f"{error.filename or published_dir}: {error.strerror or error}"
    try:
        served = current_number(published_dir)
    except DamagedError:
        served = None
    if attempt is not None and served == attempt.number:
        return UnfinishedError(
            f"version {served} is published and served, but what comes after could not be done: "
            f"{what}. The next publish does it; repair the disk before"
        )
    kept = "Nothing was published" + (
        "" if served is None else f" and version {served} stays served"
    )
    then = "publish again: `shopthread publish`"
    if is_disk_full(error):
        before = None if attempt is None else attempt.order.ground.before
        needed = _needed(settings, before)
        return PublishError(
            full_message(published_dir, needed, task="a publish", kept=kept, then=then)
        )
    if isinstance(error, PublishError):
        return error
    return PublishError(f"{what}. {kept}. Repair the disk, then {then}")


@dataclass(frozen=True)
class _Order:
    """What was asked of one publish, and what it stands on."""

    settings: Settings
    run_id: str
    ground: _Ground
    context: PublishContext
    declared: Mapping[str, MartDeclaration] | None
    on_step: Callable[[Step, str], None]
    options: PublishOptions


class _Attempt:
    """One build aside, from an empty folder to its place; cleans up whatever happens."""

    def __init__(self, order: _Order) -> None:
        self.order = order
        self._settings = order.settings
        self._on_step = order.on_step
        self._before = order.ground.before
        self.number = next_number(order.settings.published_dir)
        self.building = order.settings.published_dir / f"{BUILDING_PREFIX}{self.number}"
        self._spill = order.settings.published_dir / f"{SPILL_PREFIX}{self.number}"
        self.compared: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def build(self) -> tuple[Manifest | None, tuple[str, ...]]:
        """Write every file of the version; None instead of a manifest when nothing changed."""
        self.building.mkdir()
        self._spill.mkdir()
        try:
            marts = self._write_analytics()
            self.compared = _compare(marts, self._before)
            with open_engine(self.order.options.limits, self._spill) as analytics:
                path = literal(str(self.building / ANALYTICS_FILE))
                analytics.execute(f"attach {path} as analytics (read_only)")
                analytics.execute("use analytics")
                identified = write_identified(
                    analytics,
                    self._settings.identifiers_dir,
                    self.building / IDENTIFIED_FILE,
                    has_bridge=BRIDGE in {mart.name for mart in marts},
                )
                self._on_step(Step.IDENTIFIED_BUILT, "")
                reasons = self._reasons(identified)
                if self._before is not None and not reasons:
                    return None, ()
                return self._write_rest(analytics, marts, identified), reasons
        except duckdb.Error as error:
            raise PublishError(
                f"version {self.number} could not be built from "
                f"{self._settings.warehouse_path}: {reason(error)}. Nothing was "
                f"published; {_still_served(self._before)}. Repair what it names, then publish "
                "again"
            ) from cause(error)

    def place(self, manifest: Manifest) -> None:
        """Give the built folder its name and move the pointer to it."""
        make_current(
            self.building,
            manifest,
            expected=self.order.ground.parent,
            told=lambda step: self._on_step(Step(step), str(manifest.version)),
        )

    def clean(self) -> None:
        for folder in (self.building, self._spill):
            shutil.rmtree(folder, ignore_errors=True)

    def _write_analytics(self) -> tuple[BuiltMart, ...]:
        with open_engine(self.order.options.limits, self._spill) as engine:
            marts = write_analytics(
                engine,
                self._settings.warehouse_path,
                self.building / ANALYTICS_FILE,
                home=self._settings.home,
                declared=self.order.declared,
                on_mart=lambda mart: self._on_step(Step.MART_COPIED, mart),
            )
        self._on_step(Step.ANALYTICS_BUILT, "")
        return marts

    def _write_rest(
        self,
        analytics: duckdb.DuckDBPyConnection,
        marts: Sequence[BuiltMart],
        identified: IdentifiedEntry,
    ) -> Manifest:
        before = self._before
        entries = write_parquet(
            analytics,
            self.building,
            marts,
            Parent(before.directory, before.manifest.marts) if before else None,
            on_mart=lambda mart: self._on_step(Step.MART_EXPORTED, mart),
        )
        aggregate = write_aggregate(
            analytics, self.building, entries.keys(), self.order.options.rules
        )
        self._on_step(Step.AGGREGATE_BUILT, "")
        context = self.order.context
        manifest = Manifest(
            format=FORMAT,
            version=self.number,
            parent=self.order.ground.parent,
            run_id=self.order.run_id,
            published_at=context.published_at,
            data_as_of=context.as_of,
            code_version=context.code_version,
            duckdb_version=duckdb.__version__,
            data_origins=_origins(entries),
            checks=context.checks,
            stale_sources=context.stale_sources,
            overrides=context.overrides,
            waivers=context.waivers,
            marts=entries,
            identified=identified,
            aggregate=aggregate,
            files=_files(self.building, entries, before),
        )
        write_manifest(self.building, manifest)
        self._on_step(Step.MANIFEST_WRITTEN, "")
        return manifest

    def _reasons(self, identified: IdentifiedEntry) -> tuple[str, ...]:
        """Why a new version is needed; empty when readers would see no difference."""
        alarm = self.order.ground.alarm
        if self._before is None:
            return (alarm or "nothing was published before",)
        old, context = self._before.manifest, self.order.context
        changed, _ = self.compared
        differs = {
            f"{len(changed)} marts changed": bool(changed),
            "direct identifiers changed": old.identified != identified,
            "the data are as of another day": old.data_as_of != context.as_of,
            "the state of the sources changed": _as_set(old.stale_sources)
            != _as_set(context.stale_sources),
            "checks fail that did not, or pass again": (
                old.checks.failed,
                old.checks.could_not_run,
            )
            != (context.checks.failed, context.checks.could_not_run),
            "overrides changed": _as_set(old.overrides) != _as_set(context.overrides),
            "waived refusals changed": _as_set(old.waivers) != _as_set(context.waivers),
            "the format of a version changed": old.format != FORMAT,
        }
        found = tuple(reason for reason, applies in differs.items() if applies)
        return found if alarm is None else (*found, alarm)


def _compare(
    marts: Sequence[BuiltMart], before: PublishedVersion | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Marts that differ from the version before (also such as are gone), and equal ones."""
    old = before.manifest.marts if before else {}
    now = {mart.name: mart for mart in marts if counts_for_equality(mart.name)}
    changed: list[str] = []
    unchanged: list[str] = []
    for name, mart in now.items():
        entry = old.get(name)
        is_equal = entry is not None and (entry.rows, entry.equality_hash, entry.shape) == (
            mart.rows,
            mart.equality_hash,
            mart.shape,
        )
        (unchanged if is_equal else changed).append(name)
    gone = [name for name in old if counts_for_equality(name) and name not in now]
    return tuple(changed + gone), tuple(unchanged)


def _expected_parent(
    published_dir: Path, run_id: str, parent: int | None, before: PublishedVersion | None
) -> int | None:
    """`parent`, or what took its place without anybody publishing or rolling back.

    A run that was killed after its pointer moved is run again with the same id and must not
    be fenced by itself; nor is one whose parent was damaged and left meanwhile.
    """
    now = current_number(published_dir)
    if now is None or now == parent:
        return parent
    if before is not None and (before.manifest.run_id, before.manifest.parent) == (run_id, parent):
        return now
    if parent is not None and fell_back_to(published_dir, parent, now):
        return now
    return parent


def _needed(settings: Settings, before: PublishedVersion | None) -> int:
    published = None
    if before is not None:
        published = sum(entry.bytes for entry in before.manifest.files.values())
    warehouse = settings.warehouse_path
    return needed_to_publish(published, warehouse.stat().st_size if warehouse.exists() else 0)


def _require_space(settings: Settings, before: PublishedVersion | None) -> None:
    try:
        require_space(
            settings.published_dir,
            _needed(settings, before),
            task="a publish",
            kept=f"Nothing was published; {_still_served(before)}",
            then="publish again: `shopthread publish`",
        )
    except DiskSpaceError as error:
        raise PublishError(str(error)) from error


def _files(
    version_dir: Path, entries: Mapping[str, MartEntry], before: PublishedVersion | None
) -> dict[str, FileEntry]:
    known = before.manifest.files if before else {}
    linked = {entry.parquet for entry in entries.values() if entry.is_linked_to_parent}
    files = {}
    for path in sorted(version_dir.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(version_dir))
            # A linked file keeps its name and its bytes, so its digest is the parent's.
            shared = known.get(name) if name in linked else None
            files[name] = shared or entry_of(path)
    return files


def _origins(entries: Mapping[str, MartEntry]) -> tuple[str, ...]:
    return tuple(sorted({origin for entry in entries.values() for origin in entry.data_origins}))


def _as_set(items: Sequence[Hashable]) -> frozenset[Hashable]:
    return frozenset(items)


def _still_served(before: PublishedVersion | None) -> str:
    return "nothing is served yet" if before is None else f"version {before.version} stays served"
