"""Parts of a run as programs of their own, and the plain DuckDB that stands beside each.

`python -m bench.work VERB …`, started by the phases in a fresh process and with the
environment of a home. Each measures itself from where the product's step begins: modules that
the fork server has imported by then are imported before the clock runs.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from bench.harness import inside, own_cpu_seconds
from orchestration.publish.hashes import PUBLISHED_SCHEMAS
from orchestration.publish.quoting import identifier, literal
from orchestration.settings import Settings, apply_environment, load_settings

THREADS = 2
JUDGING = "judging"
TESTING = "testing"
CALLING = "calling dbt"
"""Parts of the work, as the figures name them."""


def land(place: Path, entities: Sequence[str]) -> None:
    """Land entities of the panel as their steps do, contract and all."""
    settings = _warm()
    from orchestration.components.source import open_landing
    from orchestration.landing.land import Judge, Verdict
    from orchestration.landing.ledger import Ledger
    from orchestration.sources.config import load_sources

    (source,) = load_sources(settings.sources_dir, settings.enabled_sources)
    ledger = Ledger(settings.ledger_path, settings.sqlite_timeout_seconds)
    with inside(place) as parts:
        for entity in entities:
            landing = open_landing(
                settings, ledger, source, source.entity(entity), "bench", datetime.now(UTC)
            )
            judge = landing.judge

            def timed(
                *place: Any, ask: Judge = judge, part: str = f"{JUDGING} {entity}"
            ) -> Verdict:
                with parts.part(part):
                    return ask(*place)

            with parts.part(f"landing {entity}"):
                report = replace(landing, judge=timed).land()
            if report.refused or not report.partitions:
                raise SystemExit(f"{entity}: not all of it landed; there is nothing to measure")


def judge(place: Path) -> None:
    """Judge the warehouse of the home with the suites of every layer, as the gates do."""
    settings = _warm()
    from orchestration.quality import TableCheck, check_database, load_suites
    from orchestration.warehouse.manifest import layer_of_mart

    layers: dict[str, list[TableCheck]] = {}
    for path, suite_file in load_suites(settings.expectations_dir).items():
        if path.parent.name == "landing":
            continue
        for suite in suite_file.tables.values():
            is_mart = path.parent.name == "marts"
            layer = layer_of_mart(suite.schema_name, suite.name) if is_mart else path.parent.name
            layers.setdefault(str(layer), []).append(
                TableCheck(suite, suite.schema_name, suite.name)
            )
    with inside(place) as parts:
        for layer, checks in sorted(layers.items()):
            with parts.part(f"{JUDGING} {layer}"):
                verdicts = check_database(
                    checks,
                    settings.warehouse_path,
                    readable=[settings.landing_dir, settings.ledger_export_dir],
                    search_path=settings.home,
                    memory_limit=settings.engine_memory,
                )
            if any(not verdict.outcome.opens_gate for verdict in verdicts):
                raise SystemExit(f"{layer}: a gate is closed; a run would have ended there")


def run_data_tests(place: Path) -> None:
    """Run the data tests of every layer on the warehouse of the home, which dbt writes to."""
    settings = _warm()
    from orchestration.warehouse.dbt_process import Order, build
    from orchestration.warehouse.manifest import Layer, load_manifest

    manifest = load_manifest(settings)
    broken: list[str] = []

    def test(models: Sequence[str], tests: Sequence[str]) -> None:
        build(
            settings,
            manifest,
            Order((), tests, models),
            lambda result: broken.append(result.unique_id) if result.failed else None,
        )

    tests = {
        layer: sorted(manifest.tests_that_follow({*manifest.models(layer)})) for layer in Layer
    }
    # The first call imports what is imported late; it is nobody's cost.
    test((), tests[Layer.JOURNEY][:1])
    with inside(place) as parts:
        with parts.part(CALLING):
            test((), tests[Layer.JOURNEY][:1])
        for layer in Layer:
            with parts.part(f"{TESTING} {layer}"):
                test(manifest.models(layer), tests[layer])
    if broken:
        raise SystemExit(f"data tests that fail: {', '.join(sorted(broken))}")


def copy_files(place: Path, entities: Sequence[str]) -> None:
    """What DuckDB needs to read the same files and to write Parquet again."""
    settings = load_settings()
    with inside(place), _engine(memory=settings.engine_memory) as connection:
        for entity in entities:
            source = settings.panel_files() / f"{entity}.parquet"
            connection.execute(
                f"copy (select * from read_parquet({literal(str(source))}))"
                f" to {literal(str(place / f'{entity}.parquet'))} (format parquet)"
            )


def publish(place: Path) -> None:
    """Publish the warehouse of the home as its first version."""
    settings = _warm()
    from orchestration.publish import CheckSummary, PublishContext, declared_marts
    from orchestration.publish import publish as publish_version
    from orchestration.warehouse.reading import open_warehouse

    with open_warehouse(settings) as connection:
        row = connection.execute("select as_of from staging.int_calendar__as_of").fetchone()
    if row is None or row[0] is None:
        raise SystemExit("the warehouse has no as-of date; run `shopthread run` first")
    context = PublishContext(
        as_of=row[0],
        checks=CheckSummary(passed=0, failed=0, could_not_run=0),
        code_version="bench",
        published_at=datetime.now(UTC),
        stale_sources=(),
        overrides=(),
    )
    declared = declared_marts(settings.manifest_dir / "manifest.json")
    with inside(place) as parts:
        last = own_cpu_seconds()

        def heard(step: object, _detail: str) -> None:
            nonlocal last
            now = own_cpu_seconds()
            name = str(step)
            parts.seconds[name] = parts.seconds.get(name, 0.0) + now - last
            last = now

        publish_version(
            settings, run_id="bench", parent=None, context=context, declared=declared, on_step=heard
        )


def copy_marts(place: Path, warehouse: Path) -> None:
    """Every table and view of the published schemas into a new file, as plain tables."""
    with inside(place), _engine(memory="3GB") as connection:
        # Some views name their files relative to the home.
        connection.execute(f"set file_search_path = {literal(str(load_settings().home))}")
        connection.execute(f"attach {literal(str(warehouse))} as {warehouse.stem} (read_only)")
        connection.execute(
            f"attach {literal(str(place / 'marts.duckdb'))} as copied (storage_version 'v1.2.0')"
        )
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where database_name = $1 and list_contains($2, schema_name)"
            " union all select schema_name, view_name from duckdb_views()"
            " where database_name = $1 and list_contains($2, schema_name) and not internal"
            " order by all",
            [warehouse.stem, list(PUBLISHED_SCHEMAS)],
        ).fetchall():
            connection.execute(f"create schema if not exists {identifier('copied', schema)}")
            connection.execute(
                f"create table {identifier('copied', schema, name)} as"
                f" from {identifier(warehouse.stem, schema, name)}"
            )
        connection.execute("checkpoint copied")


def copy_database(place: Path, published: Path) -> None:
    """`copy from database` of a file that holds the published schemas and nothing else."""
    with inside(place), _engine(memory="3GB") as connection:
        connection.execute(f"attach {literal(str(published))} as published (read_only)")
        connection.execute(
            f"attach {literal(str(place / 'marts.duckdb'))} as copied (storage_version 'v1.2.0')"
        )
        connection.execute("copy from database published to copied")
        connection.execute("checkpoint copied")


def ask(place: Path, questions: Path, repeats: int, *, of_warehouse: bool) -> None:
    """Ask each question once to warm up and then again and again."""
    from orchestration.publish import connect
    from orchestration.publish.reader import READER_LIMITS
    from orchestration.warehouse.reading import open_warehouse

    settings = load_settings()
    connection = open_warehouse(settings) if of_warehouse else connect(settings)
    if of_warehouse:
        # As the connection of readers, which cannot be changed.
        connection.execute(f"set threads = {READER_LIMITS.threads}")
        connection.execute(f"set memory_limit = {literal(READER_LIMITS.memory)}")
    answers, seconds = {}, {}
    with inside(place), connection:
        for path in sorted(questions.glob("*.sql")):
            sql = path.read_text(encoding="utf-8")
            rows = connection.execute(sql).fetchall()
            if not rows:
                raise SystemExit(f"{path.name} has no answer; a question must be answered")
            digest = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
            answers[path.stem] = f"{len(rows)} rows, {digest}"
            seconds[path.stem] = [_timed(connection, sql) for _ in range(repeats)]
    (place / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    (place / "seconds.json").write_text(json.dumps(seconds), encoding="utf-8")


def _timed(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    began = time.perf_counter()
    connection.execute(sql).fetchall()
    return time.perf_counter() - began


def _warm() -> Settings:
    """The settings of this process, once everything a warm step has imported is imported."""
    from orchestration.components.preloading import PRELOADED_MODULES

    settings = load_settings()
    apply_environment(settings)
    for name in PRELOADED_MODULES:
        import_module(name)
    return settings


def _engine(memory: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": THREADS})
    connection.execute("set enable_progress_bar = false")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"set memory_limit = {literal(memory)}")
    return connection


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="bench.work")
    parser.add_argument("--place", type=Path, required=True, help="folder for what is measured")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("land", "copy-files"):
        verbs.add_parser(verb).add_argument("entities", nargs="+")
    verbs.add_parser("judge")
    verbs.add_parser("run-data-tests")
    verbs.add_parser("publish")
    verbs.add_parser("copy-marts").add_argument("file", type=Path)
    verbs.add_parser("copy-database").add_argument("file", type=Path)
    asking = verbs.add_parser("ask")
    asking.add_argument("questions", type=Path)
    asking.add_argument("--repeats", type=int, required=True)
    asking.add_argument("--warehouse", action="store_true")
    options = parser.parse_args()
    match options.verb:
        case "land":
            land(options.place, options.entities)
        case "judge":
            judge(options.place)
        case "run-data-tests":
            run_data_tests(options.place)
        case "copy-files":
            copy_files(options.place, options.entities)
        case "publish":
            publish(options.place)
        case "copy-marts":
            copy_marts(options.place, options.file)
        case "copy-database":
            copy_database(options.place, options.file)
        case _:
            ask(options.place, options.questions, options.repeats, of_warehouse=options.warehouse)


if __name__ == "__main__":
    main()
