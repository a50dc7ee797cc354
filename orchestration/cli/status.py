"""`shopthread status`: what is served, what arrived, what was refused, who writes."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli._outcome import answering
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from orchestration.publish import PublishedVersion

_SHOWN_CHECKS = 5


class StatusFormat(StrEnum):
    """How the status is written."""

    TABLE = "table"
    JSON = "json"


@answering
def status(
    output: Annotated[
        StatusFormat, typer.Option("--format", "-f", help="JSON for programs.")
    ] = StatusFormat.TABLE,
) -> None:
    """Show what readers see, what each source delivered, what was refused and why.

    Starts nothing and waits for nobody, so it answers while a run goes on. One thing it may
    change: where a file of the served version is gone or has another size, readers are moved to
    the newest whole version, and that is said here until the next version is published. The age
    of data is judged at the newest day of the slowest required source, or at SHOPTHREAD_AS_OF.

    \b
    Examples:
      shopthread status
      shopthread status --format json

    \b
    Exit codes: 0 shown, whatever it shows · 1 the state cannot be read
    """
    facts = gather(load_settings())
    if output is StatusFormat.JSON:
        typer.echo(json.dumps(facts, indent=2, default=str, ensure_ascii=False))
        return
    _show(facts)


def gather(settings: Settings) -> dict[str, Any]:
    """Everything that the command shows, in the shape of its JSON."""
    from orchestration.cli._dagster_history import last_run, run_workers
    from orchestration.cli._instance import run_lock_path, served_ui
    from orchestration.cli._ledger_view import LedgerView
    from orchestration.cli._repaired_batch import repaired_batch
    from orchestration.file_lock import holder_of
    from orchestration.publish import versions
    from orchestration.sources.config import load_sources

    ledger = LedgerView(settings.ledger_path)
    sources = load_sources(settings.sources_dir, settings.enabled_sources)
    served, alarms = _served(settings)
    run = last_run(settings)
    checks = ledger.check_counts()
    ui = served_ui(settings)
    return {
        "home": settings.home,
        "published": None
        if served is None
        else {
            "version": served.version,
            "data_as_of": served.manifest.data_as_of.isoformat(),
            "published_at": served.manifest.published_at.isoformat(),
            "run_id": served.manifest.run_id,
            "code_version": served.manifest.code_version,
            "marts": len(served.manifest.marts),
            "overrides": [item.model_dump() for item in served.manifest.overrides],
            "waivers": [item.model_dump(mode="json") for item in served.manifest.waivers],
            "stale_sources": [item.model_dump() for item in served.manifest.stale_sources],
            "versions_kept": [item.version for item in versions(settings)],
        },
        "alarms": alarms,
        "sources": [
            {
                "source": item.source_key,
                "entity": item.entity,
                "state": item.state,
                "newest": item.newest,
                "lag_days": item.lag_days,
                "rows_served": item.served_rows,
                "batches_accepted": item.accepted_batches,
                "batches_refused": item.refused_batches,
                "rows_delivered": item.physical_rows,
                "rows_landed": item.landed_rows,
                "rows_quarantined": item.quarantined_rows,
                "is_balanced": item.is_balanced,
                "keeps_serving": item.keeps_serving,
                "open_refusals": [
                    {
                        "partition": refusal.partition_key,
                        "batch_id": refusal.batch_id,
                        "reason": refusal.reason,
                        "refused_at": refusal.refused_at.isoformat(),
                        "rows_by_reason": dict(refusal.rows_by_reason),
                        "repaired_by": repaired_batch(
                            sources, item.source_key, item.entity, refusal.partition_key
                        ),
                    }
                    for refusal in item.refusals
                ],
            }
            for item in ledger.entities(settings, sources)
        ],
        "waived": [
            {
                "source": item.source_key,
                "entity": item.entity,
                "partition": item.partition_key,
                "batch_id": item.batch_id,
                "rows": item.rows,
                "reason": item.reason,
                "because": item.because,
                "waived_at": item.waived_at.isoformat(),
            }
            for item in ledger.waived_refusals()
        ],
        "checks": {
            "passed": checks.passed,
            "failed": checks.failed,
            "could_not_run": checks.could_not_run,
            "warnings": checks.warnings,
            "not_passed": [
                {
                    "asset": item.asset,
                    "check": item.check_name,
                    "expectation": item.expectation,
                    "column": item.column,
                    "severity": item.severity,
                    "outcome": item.outcome,
                    "unexpected_rows": item.unexpected_rows,
                    "evaluated_rows": item.evaluated_rows,
                    "because": item.because,
                }
                for item in ledger.failed_checks()
            ],
        },
        "last_run": None
        if run is None
        else {
            "run_id": run.run_id,
            "job": run.job,
            "status": run.status,
            "started_at": None if run.started_at is None else run.started_at.isoformat(),
            "ended_at": None if run.ended_at is None else run.ended_at.isoformat(),
            "seconds": None
            if run.started_at is None or run.ended_at is None
            else round((run.ended_at - run.started_at).total_seconds(), 1),
        },
        "locks": {
            "warehouse": holder_of(settings.warehouse_lock_path),
            "command_line_run": holder_of(run_lock_path(settings)),
            "run_workers": run_workers(settings),
        },
        "ui": None if ui is None else ui.url,
    }


def _served(settings: Settings) -> tuple["PublishedVersion | None", list[str]]:
    """The version that readers get, and why it is not the one they should get."""
    from orchestration.publish import (
        DamagedError,
        Depth,
        NoWholeVersionError,
        PublishError,
        current,
        fall_back,
        pointer_damage,
        whole_version,
    )

    alarms = []
    try:
        fall_back(settings, depth=Depth.SIZES)
    except NoWholeVersionError as error:
        alarms.append(str(error))
    except (OSError, PublishError):
        # Not ours to move, so it is told only.
        fallen = whole_version(settings, depth=Depth.SIZES)
        alarms += [] if fallen is None else [fallen.message]
    else:
        alarms += [
            f"{item}; readers who follow it get that one. The next publish puts it right"
            for item in pointer_damage(settings.published_dir)
        ]
    try:
        served = current(settings)
    except DamagedError:
        return None, alarms
    if served is not None and served.fell_back is not None:
        alarms.append(served.fell_back.message)
    return served, alarms


def _show(facts: dict[str, Any]) -> None:
    from orchestration.cli._terminal import say, say_block

    say_block(_published_lines(facts) + _run_lines(facts) + _check_lines(facts))
    say()
    _show_sources(facts["sources"])
    say_block(_refusal_lines(facts["sources"]) + _waiver_lines(facts["waived"]))
    say_block(_next_lines(facts))


def _next_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    refused = [
        refusal["repaired_by"] for item in facts["sources"] for refusal in item["open_refusals"]
    ]
    if refused:
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        return [("next", f"deliver a repaired batch ({refused[0]}{more}), then shopthread run")]
    if facts["published"] is None:
        return [("next", "shopthread demo · shopthread run")]
    return []


def _published_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    served = facts["published"]
    alarms = [("alarm", text) for text in facts["alarms"]]
    if served is None:
        return [*alarms, ("published", "nothing that is whole" if alarms else "nothing yet")]
    lines = [
        *alarms,
        (
            "published",
            (
                f"version {served['version']}   data as of {served['data_as_of']}   "
                f"{served['published_at'][:16].replace('T', ' ')} UTC   run {served['run_id'][:8]}"
            ),
        ),
    ]
    if len(served["versions_kept"]) > 1:
        kept = ", ".join(str(number) for number in served["versions_kept"])
        lines.append(("kept", f"versions {kept}"))
    lines += [("override", f"{item['check']}: {item['reason']}") for item in served["overrides"]]
    return lines


def _run_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    from orchestration.cli._terminal import duration

    lines = []
    run = facts["last_run"]
    if run is None:
        lines.append(("last run", "none"))
    else:
        took = "" if run["seconds"] is None else f"   {duration(run['seconds'])}"
        began = run["started_at"]
        when = "" if began is None else f"   {began[:16].replace('T', ' ')} UTC"
        lines.append(
            ("last run", f"{run['status']}   job {run['job']}   {run['run_id'][:8]}{when}{took}")
        )
    holder = facts["locks"]["warehouse"]
    between = [facts["locks"]["command_line_run"], *facts["locks"]["run_workers"]]
    runner = next((item for item in between if item), None)
    lines.append(
        ("writing", holder or (f"nobody, between two steps of {runner}" if runner else "nobody"))
    )
    if facts["ui"]:
        lines.append(("UI", facts["ui"]))
    return lines


def _check_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    from orchestration.cli._terminal import count, plural
    from orchestration.landing.serving import COULD_NOT_RUN

    checks = facts["checks"]
    text = f"{count(checks['passed'])} passed   {checks['failed']} failed   "
    text += f"{checks['could_not_run']} could not run"
    if checks["warnings"]:
        text += f"   ({plural(checks['warnings'], 'warning')}, which close nothing)"
    lines = [("gates", text)]
    # The last judgement of a waived batch stays on record, and closes nothing any more.
    waived = {f"landing/{item['source']}/{item['entity']}" for item in facts["waived"]} - {
        f"landing/{item['source']}/{item['entity']}"
        for item in facts["sources"]
        if item["open_refusals"]
    }
    kept = {
        f"landing/{item['source']}/{item['entity']}": item["open_refusals"]
        for item in facts["sources"]
        if item["keeps_serving"] and item["open_refusals"]
    }
    critical = [
        item
        for item in checks["not_passed"]
        if item["severity"] == "critical" and item["asset"] not in waived
    ]
    # A contract that cannot be read closes its entity, whatever is served of it.
    refused = [
        item
        for item in critical
        if item["asset"] in kept
        and (
            item["outcome"] == "failed"
            or all(told["reason"].startswith(COULD_NOT_RUN) for told in kept[item["asset"]])
        )
    ]
    closing = [item for item in critical if item not in refused]
    for label, found in (("closed", closing), ("set aside", refused)):
        lines += [(label, f"{item['asset']} · {_told(item)}") for item in found[:_SHOWN_CHECKS]]
        if len(found) > _SHOWN_CHECKS:
            lines.append((label, f"and {len(found) - _SHOWN_CHECKS} more: --format json"))
    if refused:
        lines.append(("", "what landing served before them stays served, and nothing waits"))
    return lines


def _told(item: dict[str, Any]) -> str:
    column = f" on {item['column']}" if item["column"] else ""
    rows = ""
    if item["unexpected_rows"] is not None:
        of = "" if item["evaluated_rows"] is None else f" of {item['evaluated_rows']:,}"
        rows = f" ({item['unexpected_rows']:,}{of} rows)"
    return f"{item['expectation']}{column} {item['outcome'].replace('_', ' ')}{rows}"


def _show_sources(sources: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from orchestration.cli._terminal import console, count

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("source", overflow="fold", min_width=20)
    for name in ("state", "newest"):
        table.add_column(name, no_wrap=True)
    for name in ("delivered", "= landed", "+ quarantined", "refused"):
        table.add_column(name, justify="right", no_wrap=True)
    styles = {"fresh": "green", "stale": "yellow", "missing": "dim"}
    before = ""
    for item in sources:
        if item["source"] != before:
            table.add_row(Text(item["source"], style="bold"))
            before = item["source"]
        balance = "" if item["is_balanced"] else " does not balance"
        lag = f", {item['lag_days']} d behind" if item["lag_days"] else ""
        table.add_row(
            f"  {item['entity']}",
            Text(f"{item['state']}{lag}", style=styles.get(item["state"], "")),
            item["newest"] or "·",
            count(item["rows_delivered"]),
            count(item["rows_landed"]),
            count(item["rows_quarantined"]) + balance,
            count(item["batches_refused"]),
        )
    console().print(Padding(table, (0, 0, 0, 1), expand=False))


def _refusal_lines(sources: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (
            "refused",
            f"{item['source']}/{item['entity']} {refusal['partition']}: {refusal['reason']}",
        )
        for item in sources
        for refusal in item["open_refusals"]
    ]


def _waiver_lines(waived: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (
            "waived",
            (
                f"{item['source']}/{item['entity']} {item['partition']}: {item['because']} "
                f"(refused: {item['reason']})"
            ),
        )
        for item in waived
    ]
