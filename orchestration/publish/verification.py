"""The second process: open what was built as a reader would, and count again.

Everything is opened read-only, rows and hashes of every file are recomputed, and what does
not agree with the manifest is told. The process shares no connection and no memory with the
builder; `second_process` is its entrance.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

from orchestration.faults import kind_of
from orchestration.publish.analytics_file import STORAGE_VERSION
from orchestration.publish.engine import EngineLimits, open_engine, open_hardened
from orchestration.publish.errors import DamagedError, VerificationError, reason
from orchestration.publish.hashes import PUBLISHED_SCHEMAS, TableHash, hash_relation
from orchestration.publish.identified_file import COLUMNS, TABLE
from orchestration.publish.manifest import (
    DIGEST_FILE,
    MANIFEST_FILE,
    Manifest,
    read_manifest,
)
from orchestration.publish.permissions import IDENTIFIED_FILE
from orchestration.publish.pointer import ANALYTICS_FILE
from orchestration.publish.quoting import identifier, literal

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


def verify_in_second_process(version_dir: Path, timeout_seconds: float) -> None:
    """Raise VerificationError, listing what differs, unless the folder is what it says."""
    command = [sys.executable, "-m", "orchestration.publish.second_process", str(version_dir)]
    try:
        answer = subprocess.run(  # noqa: S603 -- our own module and a path we made
            command,
            cwd=_PACKAGE_ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        found = _answer(answer)
    except subprocess.TimeoutExpired:
        found = [f"it did not end within {timeout_seconds:g} s"]
    if found:
        raise VerificationError(
            f"the second process does not confirm {version_dir.name}: {'; '.join(found)}. "
            "Nothing was published and the current version stays served. Publish again; if it "
            "repeats, check the disk under published/"
        )


def _answer(process: subprocess.CompletedProcess[str]) -> list[str]:
    """The differences on the last line it wrote; no such line is a difference as well."""
    lines = process.stdout.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines and process.returncode in (0, 1) else None
    except ValueError:
        found = None
    if isinstance(found, list):
        return [str(difference) for difference in found]
    # Behind the kind of an error stands its text, which may quote a value.
    last, _, _ = (process.stderr.strip().splitlines() or ["no message"])[-1].partition(":")
    return [f"it gave no answer and ended with code {process.returncode}: {last}"]


def differences(version_dir: Path) -> list[str]:
    """What in the folder does not agree with its manifest, as sentences; empty when whole."""
    try:
        manifest = read_manifest(version_dir)
    except DamagedError as error:
        return [str(error)]
    found: list[str] = []
    for check in (_files, _analytics, _parquet, _identified):
        try:
            found.extend(check(version_dir, manifest))
        except duckdb.Error as error:
            found.append(f"{check.__name__.strip('_')}: {reason(error)}")
        except OSError as error:
            found.append(f"{check.__name__.strip('_')}: {error.strerror or kind_of(error)}")
    return found


def _files(version_dir: Path, manifest: Manifest) -> Iterator[str]:
    on_disk = {
        str(path.relative_to(version_dir)): path.stat().st_size
        for path in version_dir.rglob("*")
        if path.is_file()
    }
    for name in (MANIFEST_FILE, DIGEST_FILE):
        on_disk.pop(name, None)
    for name in sorted(on_disk.keys() | manifest.files.keys()):
        entry = manifest.files.get(name)
        if entry is None:
            yield f"{name} is not in the manifest"
        elif on_disk.get(name) != entry.bytes:
            yield f"{name} has {on_disk.get(name)} bytes, the manifest says {entry.bytes}"


def _analytics(version_dir: Path, manifest: Manifest) -> Iterator[str]:
    with open_hardened({"analytics": version_dir / ANALYTICS_FILE}, EngineLimits()) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where database_name = current_database() order by all"
        ).fetchall()
        names = [name for (name,) in tables]
        if names != sorted(manifest.marts):
            extra = sorted(set(names).symmetric_difference(manifest.marts))
            yield f"{ANALYTICS_FILE} and the manifest differ in the marts {extra}"
        strangers = connection.execute(
            "select schema_name from duckdb_schemas() where database_name = current_database()"
            " and not internal and not list_contains(?, schema_name)",
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
        if strangers:
            yield f"{ANALYTICS_FILE} has unpublished schemas: {[name for (name,) in strangers]}"
        storage = connection.execute(
            "select tags['storage_version'] from duckdb_databases()"
            " where database_name = current_database()"
        ).fetchall()
        # DuckDB prints the oldest version that can read the file, with a plus sign.
        if [value for (value,) in storage] != [f"{STORAGE_VERSION}+"]:
            yield f"{ANALYTICS_FILE} has storage version {storage}, not {STORAGE_VERSION}"
        for mart, entry in manifest.marts.items():
            columns = [column.name for column in entry.columns]
            relation = identifier(*mart.split(".", 1))
            yield from _compare(
                f"{ANALYTICS_FILE} {mart}",
                TableHash(entry.rows, entry.content_hash),
                hash_relation(connection, relation, columns),
            )
            # Binds the bare name, with no file access: a view that read a file fails here.
            connection.execute(f"select * from {identifier('main', mart.split('.', 1)[1])} limit 0")


def _parquet(version_dir: Path, manifest: Manifest) -> Iterator[str]:
    with open_engine(EngineLimits(), spill_dir=None) as connection:
        for entry in manifest.marts.values():
            relation = f"read_parquet({literal(str(version_dir / entry.parquet))})"
            described = connection.execute(f"describe select * from {relation}").fetchall()
            expected = [(column.name, column.type) for column in entry.columns]
            changed = [
                f"{name} {kind}"
                for name, kind in expected
                if (name, kind) not in {(row[0], row[1]) for row in described}
            ]
            if changed:
                yield f"{entry.parquet} does not keep the columns {changed}; change their type"
                continue
            yield from _compare(
                entry.parquet,
                TableHash(entry.rows, entry.content_hash),
                hash_relation(connection, relation, [name for name, _ in expected]),
            )
        for aggregate in manifest.aggregate.marts.values():
            relation = f"read_parquet({literal(str(version_dir / aggregate.file))})"
            described = connection.execute(f"describe select * from {relation}").fetchall()
            yield from _compare(
                aggregate.file,
                TableHash(aggregate.rows, aggregate.content_hash),
                hash_relation(connection, relation, [row[0] for row in described]),
            )


def _identified(version_dir: Path, manifest: Manifest) -> Iterator[str]:
    with open_hardened({"identified": version_dir / IDENTIFIED_FILE}, EngineLimits()) as connection:
        found = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where database_name = current_database() and not internal order by column_index"
        ).fetchall()
        if found != [("main", TABLE, column) for column in COLUMNS]:
            yield f"{IDENTIFIED_FILE} holds more or less than the table {TABLE}"
            return
        yield from _compare(
            f"{IDENTIFIED_FILE} {TABLE}",
            TableHash(manifest.identified.rows, manifest.identified.content_hash),
            hash_relation(connection, identifier("main", TABLE), COLUMNS),
        )


def _compare(what: str, expected: TableHash, found: TableHash) -> Iterator[str]:
    if expected.rows != found.rows:
        yield f"{what} has {found.rows} rows, the manifest says {expected.rows}"
    elif expected.hash != found.hash:
        yield f"{what} has the right number of rows but other contents than the manifest says"
