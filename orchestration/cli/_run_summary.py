"""What a run ends with: the block of lines that tells what is served now, and why.

Every figure is read: from the ledger, from the published version, from the run's own
events. Nothing is computed here that a gate should have computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestration.cli._instance import run_log_path, served_ui
from orchestration.cli._ledger_view import LedgerView, OpenRefusal
from orchestration.cli._repaired_batch import repaired_batch
from orchestration.cli._stages import CheckAnswer, RunRecord, Stage
from orchestration.cli._terminal import count, duration, plural, short_count, short_path
from orchestration.publish import (
    DamagedError,
    PublishedStateError,
    PublishedVersion,
    QueryError,
    current,
    query,
    served_number,
)
from orchestration.publish.hashes import counts_for_equality
from orchestration.publish.pointer import version
from orchestration.settings import Settings
from orchestration.sources.config import SourceConfig, load_sources

Lines = list[tuple[str, str]]

PUBLISHED_ASSET = "publish/published_version"
LANDING_PREFIX = "landing/"

_SHOWN_REFUSALS = 3
_SHOWN_GATES = 5
_SHOWN_MARTS = 3

_DAMAGED = "no version that is whole: `shopthread status` says what is damaged"

_SALES = """
    select unit, sum(left_value), sum(right_value), sum(difference)
    from quality.dq_reconciliation
    where scope = 'landing_to_mart' and contract = 'fct_orders' and measure = 'net_amount'
    group by unit order by unit
"""


@dataclass(frozen=True)
class Ending:
    """A run and the version that was served before it."""

    record: RunRecord
    run_id: str
    started_at: float
    seconds: float
    served_before: PublishedVersion | None
    ui_url: str | None = None
    """Where the UI will be; None: where it is, or how to get it."""


def lines_of_success(settings: Settings, ending: Ending) -> Lines:
    """What was landed, checked and published, and where to look next."""
    sources = load_sources(settings.sources_dir, settings.enabled_sources)
    ledger = LedgerView(settings.ledger_path)
    served = served_now(settings)
    lines = _landing(settings, sources, ledger, ending)
    lines += _gates(ledger)
    lines += _published(settings, ending, served, sources)
    lines += _stale(settings, ledger.open_refusals())
    lines += sales_lines(settings)
    lines += _places(settings, ending.ui_url)
    return lines


def lines_of_failure(settings: Settings, ending: Ending) -> Lines:
    """Which gate closed and why, what is kept, what is served, what to do."""
    ledger = LedgerView(settings.ledger_path)
    record = ending.record
    refusals = ledger.open_refusals()
    lines: Lines = []
    for check in record.closed[:_SHOWN_GATES]:
        lines += [
            ("gate", f"{check.asset} · {check.name} is closed"),
            ("why", check.text or "it did not pass"),
        ]
    lines += _more("gate", len(record.closed), _SHOWN_GATES)
    for step, reason in record.failures[:_SHOWN_GATES]:
        lines += [("step", f"{step} stopped"), ("why", reason)]
    lines += _more("step", len(record.failures), _SHOWN_GATES)
    if not record.closed and not record.failures:
        why = record.ended_because or "no step said why"
        log = short_path(run_log_path(settings))
        lines.append(("why", f"{why}; what the run wrote is in {log}"))
    closed_landing = {check.asset for check in record.closed if _is_landing(check)}
    shown = [item for item in refusals if _asset(item) in closed_landing]
    for item in shown[:_SHOWN_REFUSALS]:
        lines.append(("kept", _kept(settings, item)))
    not_built = [stage.value for stage, rec in record.stages.items() if rec.started_at is None]
    if not_built:
        lines.append(("not built", ", ".join(not_built)))
    served = served_now(settings)
    is_damaged = served is None and served_number(settings.published_dir) is not None
    lines.append(("served", _DAMAGED if is_damaged else served_line(served)))
    if (
        served is None
        and not is_damaged
        and not record.closed
        and Stage.LANDING not in record.stages
    ):
        # It was asked to publish what nobody has built yet.
        lines.append(("next", "shopthread run builds everything first"))
    else:
        lines += _next_after_failure(settings, record, shown)
    return lines


def served_now(settings: Settings) -> PublishedVersion | None:
    """What readers see; None also where it is damaged, which no run may stumble over.

    The run's publish leaves a damaged version, and makes a whole one.
    """
    try:
        return current(settings)
    except DamagedError:
        return None


def failure_line(
    run_id: str, seconds: float, before: PublishedVersion | None, now: PublishedVersion | None
) -> str:
    """That a run failed, and whether it had published by then."""
    has_published = now is not None and (before is None or now.version != before.version)
    what = f"version {now.version} was published by then" if now and has_published else None
    return f"run {run_id[:8]} failed after {duration(seconds)}: {what or 'nothing was published'}"


def served_line(served: PublishedVersion | None) -> str:
    """Which version readers see, in words."""
    if served is None:
        return "nothing was ever published"
    return (
        f"version {served.version}, data as of {served.manifest.data_as_of}: untouched, "
        "readers go on"
    )


def sales_lines(settings: Settings) -> Lines:
    """Sales of the published orders against what landing is bound to serve, by currency."""
    try:
        with query(settings, _SALES) as result:
            rows = list(result.rows)
    except (PublishedStateError, QueryError):
        return []
    several = len(rows) > 1
    lines = []
    for unit, source, published, difference in rows:
        sales, origin, off = (Decimal(str(value)) for value in (published, source, difference))
        sign = "=" if off == 0 else "≠"
        text = f"{sales:,.2f} {sign} source {origin:,.2f}   difference {off:,.2f}"
        lines.append(("sales", f"{unit} {text}" if several else text))
    return lines


def notices(sources: Sequence[SourceConfig]) -> Lines:
    """What people must be told about the data they look at."""
    return [("notice", " ".join(source.notice.split())) for source in sources if source.notice]


def ui_line(settings: Settings) -> str:
    """Where the UI is, or the command that serves it."""
    ui = served_ui(settings)
    if ui is not None:
        return f"UI {ui.url}"
    return "UI: make dev, then http://127.0.0.1:3000/asset-groups"


def _landing(
    settings: Settings, sources: Sequence[SourceConfig], ledger: LedgerView, ending: Ending
) -> Lines:
    entities = ledger.entities(settings, sources)
    landed = ledger.landing_of(ending.run_id)
    rows = sum(item.served_rows for item in entities)
    parts = [plural(len(entities), "entity", "entities"), f"{short_count(rows)} rows"]
    if landed.new_rows and landed.new_rows != rows:
        parts.append(f"{count(landed.new_rows)} landed now")
    if not landed.accepted and not landed.refused:
        parts.append("nothing new")
    parts.append(f"{landed.refused} refused")
    parts.append(
        duration(ending.record.seconds_of(Stage.LANDING, ending.started_at + ending.seconds))
    )
    return [("landing", "   ".join(parts))]


def _gates(ledger: LedgerView) -> Lines:
    checks = ledger.check_counts()
    text = f"{count(checks.passed)} passed   {checks.failed} failed   "
    text += f"{checks.could_not_run} could not run"
    if checks.warnings:
        text += f"   ({plural(checks.warnings, 'warning')}, which close nothing)"
    return [("gates", text)]


def _published(
    settings: Settings,
    ending: Ending,
    served: PublishedVersion | None,
    sources: Sequence[SourceConfig],
) -> Lines:
    if served is None:
        return [("published", "nothing: this run did not publish")]
    total = duration(ending.seconds)
    text = f"version {served.version}   data as of {served.manifest.data_as_of}   {total}"
    lines: Lines = [("published", text)]
    if served.manifest.overrides:
        lines.append(
            ("override", f"{plural(len(served.manifest.overrides), 'gate')} opened by hand")
        )
    lines += [
        ("waived", f"{item.source_key}/{item.entity} {item.partition_key}: {item.because}")
        for item in served.manifest.waivers
    ]
    lines += _damage(ending, served)
    lines += _equality(settings, ending, served)
    return lines + notices(sources)


def _damage(ending: Ending, served: PublishedVersion) -> Lines:
    """What this run's version puts right: readers had an older one, or none that is whole."""
    facts = ending.record.facts.get(PUBLISHED_ASSET, {})
    nothing_was_whole = ending.served_before is None and served.version > 1
    if facts.get("is_new_version") == "True" and ("fell_back" in facts or nothing_was_whole):
        return [("damage", facts.get("why", "the version before was damaged"))]
    return []


def _equality(settings: Settings, ending: Ending, served: PublishedVersion) -> Lines:
    """Which marts are the same as before; those that describe a run are not compared."""
    facts = ending.record.facts.get(PUBLISHED_ASSET)
    if ending.served_before is None or facts is None:
        return []
    compared = {
        name: mart for name, mart in served.manifest.marts.items() if counts_for_equality(name)
    }
    if facts.get("is_new_version") == "False":
        text = f"all {len(compared)} marts are hash-equal to version {served.version}, so it stays"
        return [("equal", text)]
    parent = _parent(settings, served)
    if parent is None:
        return []
    old = parent.manifest.marts
    changed = [
        name
        for name, mart in compared.items()
        if name not in old
        or (old[name].equality_hash, old[name].rows, old[name].shape)
        != (mart.equality_hash, mart.rows, mart.shape)
    ]
    if not changed:
        text = f"all {len(compared)} marts are hash-equal to version {parent.version}"
        if not _damage(ending, served):
            why = facts.get("why", "its sources, checks or date are in another state")
            text += f"; the version is new because {why}"
        return [("equal", text)]
    shown = ", ".join(changed[:_SHOWN_MARTS]) + (", …" if len(changed) > _SHOWN_MARTS else "")
    same = len(compared) - len(changed)
    text = f"{same} of {len(compared)} marts are hash-equal to version {parent.version}"
    return [("equal", f"{text}; changed: {shown}")]


def _parent(settings: Settings, served: PublishedVersion) -> PublishedVersion | None:
    if served.manifest.parent is None:
        return None
    try:
        return version(settings, served.manifest.parent)
    except PublishedStateError:
        return None


def _stale(settings: Settings, refusals: Sequence[OpenRefusal]) -> Lines:
    lines: Lines = [
        (
            "stale",
            (
                f"{item.source_key}/{item.entity} {item.partition_key} was refused: {item.reason}; "
                f"the last good state is served. {_kept(settings, item)}"
            ),
        )
        for item in refusals[:_SHOWN_REFUSALS]
    ]
    return lines + _more("stale", len(refusals), _SHOWN_REFUSALS)


def _kept(settings: Settings, item: OpenRefusal) -> str:
    folder = (
        settings.quarantine_dir / item.source_key / item.entity / item.partition_key / item.batch_id
    )
    reasons = ", ".join(f"{rows:,} {code}" for code, rows in item.rows_by_reason)
    return f"quarantine: {short_path(folder)}" + (f" ({reasons})" if reasons else "")


def _places(settings: Settings, ui_url: str | None) -> Lines:
    lines: Lines = []
    ui = ui_line(settings) if ui_url is None else f"UI {ui_url}"
    if settings.report_path.is_file():
        lines.append(("report", f"{short_path(settings.report_path)}   {ui}"))
    else:
        lines.append(("look", ui))
    lines.append(("next", 'shopthread demo bad-day · shopthread query "select * from catalog"'))
    return lines


def _next_after_failure(
    settings: Settings, record: RunRecord, shown: Sequence[OpenRefusal]
) -> Lines:
    if shown:
        first = shown[0]
        sources = load_sources(settings.sources_dir)
        where = repaired_batch(sources, first.source_key, first.entity, first.partition_key)
        return [
            (
                "next",
                f"deliver a repaired batch ({where}) and run again: the gate opens by itself",
            ),
            ("", "shopthread status shows every open refusal"),
        ]
    if record.closed:
        return [("next", "repair what the check names, then shopthread run: it opens by itself")]
    return [("next", "shopthread doctor looks for the cause; shopthread run tries again")]


def _more(label: str, found: int, shown: int) -> Lines:
    return [(label, f"and {found - shown} more; the UI shows all")] if found > shown else []


def _is_landing(check: CheckAnswer) -> bool:
    return check.asset.startswith(LANDING_PREFIX)


def _asset(item: OpenRefusal) -> str:
    return f"{LANDING_PREFIX}{item.source_key}/{item.entity}"
