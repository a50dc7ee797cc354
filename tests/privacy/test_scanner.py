"""The scanner finds a planted canary of each kind, wherever and however it hides."""

import base64
import gzip
import random
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.privacy.canaries import CARDS, DOTENV, PEOPLE, SECRETS, marks_in, scan

CANARIES = [*PEOPLE.values(), *SECRETS.values(), *DOTENV.values()]


def in_a_log(folder: Path, text: str) -> None:
    (folder / "run.log").write_text(f"12:00 ERROR could not convert '{text}' to INT32\n", "utf-8")


def in_a_packed_log(folder: Path, text: str) -> None:
    (folder / "run.log.gz").write_bytes(gzip.compress(f"error {text}\n".encode()))


def in_sqlite(folder: Path, text: str) -> None:
    with sqlite3.connect(folder / "events.db") as connection:
        connection.execute("create table event (body text)")
        connection.execute("insert into event values (?)", ["x" * 4060 + text + "x" * 9000])
    connection.close()


def in_a_sqlite_log_ahead(folder: Path, text: str) -> None:
    """A connection that stays open leaves the value in the write-ahead log."""
    connection = sqlite3.connect(folder / "events.db")
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table event (body text)")
    connection.execute("insert into event values (?)", [text])
    connection.commit()
    (folder / "kept.db").write_bytes((folder / "events.db").read_bytes())
    (folder / "kept.db-wal").write_bytes((folder / "events.db-wal").read_bytes())
    connection.close()
    (folder / "events.db").unlink()


def in_a_packed_blob(folder: Path, text: str) -> None:
    with sqlite3.connect(folder / "events.db") as connection:
        connection.execute("create table snapshot (body blob)")
        connection.execute("insert into snapshot values (?)", [zlib.compress(text.encode())])
    connection.close()


def in_parquet(folder: Path, text: str) -> None:
    table = pa.table({"note": ["nothing", text, *["filler"] * 500]})
    pq.write_table(table, folder / "rows.parquet", compression="zstd", write_statistics=False)


def in_a_column_name(folder: Path, text: str) -> None:
    pq.write_table(pa.table({text: [1]}), folder / "rows.parquet", compression="zstd")


def in_duckdb(folder: Path, text: str) -> None:
    """Among many that resemble it, so that the file compresses them."""
    with duckdb.connect(folder / "mart.duckdb") as connection:
        connection.execute(
            "create table mart as select substr(?, 1, 3) || i || substr(?, 4) as note"
            " from range(5000) as t(i)",
            [text, text],
        )
        connection.execute("insert into mart values (?)", [text])
        connection.execute("checkpoint")


def in_a_comment(folder: Path, text: str) -> None:
    with duckdb.connect(folder / "mart.duckdb") as connection:
        connection.execute("create table mart (x integer)")
        connection.execute(f"comment on table mart is '{text}'")


def in_a_file_name(folder: Path, text: str) -> None:
    (folder / f"{text.replace('/', '')}.parquet").write_bytes(b"")


PLACES = [
    in_a_log,
    in_a_packed_log,
    in_sqlite,
    in_a_sqlite_log_ahead,
    in_a_packed_blob,
    in_parquet,
    in_a_column_name,
    in_duckdb,
    in_a_comment,
    in_a_file_name,
]


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_a_planted_canary_is_found(tmp_path: Path, plant: Callable[[Path, str], None]) -> None:
    for number, text in enumerate((CARDS[0], CARDS[4], SECRETS["SHOP_PASSWORD"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        plant(folder, text)
        assert scan(folder), f"{text} is not found"


@pytest.mark.parametrize("text", CANARIES)
def test_every_canary_is_found_in_any_case_and_in_base64(text: str) -> None:
    for written in (text, text.lower(), text.upper()):
        assert list(marks_in(b"before " + written.encode() + b" after"))
        for offset in range(3):
            coded = base64.b64encode(b"x" * offset + written.encode() + b"yz")
            assert list(marks_in(b"{" + coded + b"}")), f"{written} at offset {offset}"


def test_twenty_personal_values_and_five_secrets_are_planted() -> None:
    assert len(set(PEOPLE.values())) == 20
    assert len(set(SECRETS.values()) | set(DOTENV.values())) == 5


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(random.Random(7).randbytes(2_000_000))
    in_parquet(tmp_path, "a harmless note")
    in_sqlite(tmp_path, "a harmless note")
    in_duckdb(tmp_path, "a harmless note")
    assert scan(tmp_path) == []
