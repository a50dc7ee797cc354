"""What is written is what other libraries read, in every dialect."""

import csv
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.demo.columns import Rows, cents, seconds, texts, whole
from orchestration.demo.formats import Csv, JsonArray, NewlineJson, Parquet, open_writer

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
WESTERN = st.text(st.sampled_from("aé'ç;,|\"\\ Zø€"), max_size=8)
CENTS = st.integers(-(10**12), 10**12)
UNHURRIED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rows_of(names: list[str | None], amounts: list[int]) -> Rows:
    count = len(amounts)
    return Rows(
        {
            "name": texts(names),
            "amount": cents(np.array(amounts, dtype=np.int64)),
            "number": whole(np.arange(count, dtype=np.int64)),
            "at": seconds(np.full(count, 1_489_302_000)),
        },
        np.zeros(count, dtype=np.int64),
    )


def write(path: Path, dialect: Csv | NewlineJson | JsonArray | Parquet, *blocks: Rows) -> str:
    with open_writer(path, dialect) as writer:
        for block in blocks:
            writer.write(block)
    return writer.result().content_hash


@UNHURRIED
@given(st.lists(st.tuples(TEXT, CENTS), max_size=8), st.booleans())
def test_csv_reads_back(tmp_path: Path, records: list[tuple[str, int]], quoted: bool) -> None:
    dialect = Csv(delimiter=";", is_quoted=quoted, has_carriage_return=True)
    names, amounts = [name for name, _ in records], [amount for _, amount in records]
    write(tmp_path / "file.csv", dialect, rows_of(list(names), amounts))
    text = (tmp_path / "file.csv").read_bytes().decode()
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert read[0] == ["name", "amount", "number", "at"]
    assert [row[0] for row in read[1:]] == names
    assert [Decimal(row[1]) for row in read[1:]] == [Decimal(a).scaleb(-2) for a in amounts]


@UNHURRIED
@given(st.lists(st.tuples(TEXT, CENTS), max_size=8), st.integers(0, 8))
def test_json_reads_back_whatever_the_blocks(
    tmp_path: Path, records: list[tuple[str, int]], cut: int
) -> None:
    rows = rows_of([name for name, _ in records], [amount for _, amount in records])
    cut = min(cut, len(rows))
    blocks = rows.slice(0, cut), rows.slice(cut, len(rows))
    for dialect in (NewlineJson(), NewlineJson(is_gzipped=True), JsonArray()):
        path = tmp_path / f"file.{dialect.extension}"
        in_blocks = write(path, dialect, *blocks)
        content = path.read_bytes()
        text = (gzip.decompress(content) if dialect.is_gzipped else content).decode()
        lines = isinstance(dialect, NewlineJson)
        read = [json.loads(line) for line in text.split("\n")[:-1]] if lines else json.loads(text)
        assert [record["name"] for record in read] == [name for name, _ in records]
        assert [Decimal(r["amount"]) for r in read] == [Decimal(a).scaleb(-2) for _, a in records]
        assert write(path, dialect, rows) == in_blocks


@UNHURRIED
@given(st.lists(WESTERN, min_size=1, max_size=6))
def test_the_canadian_dialect(tmp_path: Path, names: list[str]) -> None:
    dialect = Csv(delimiter=";", encoding="cp1252", decimal_mark=",", times="day_first")
    write(tmp_path / "file.csv", dialect, rows_of(list(names), [-5] * len(names)))
    text = (tmp_path / "file.csv").read_bytes().decode("cp1252")
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert [row[0] for row in read[1:]] == names
    assert {tuple(row[1::2]) for row in read[1:]} == {("-0,05", "12/03/2017 07:00:00")}


def test_nothing_is_empty_and_not_a_word(tmp_path: Path) -> None:
    write(tmp_path / "file.csv", Csv(), rows_of([None], [5]))
    assert (tmp_path / "file.csv").read_text().splitlines()[1] == ",0.05,0,2017-03-12T07:00:00Z"
    write(tmp_path / "file.ndjson", NewlineJson(), rows_of([None], [5]))
    assert "name" not in json.loads((tmp_path / "file.ndjson").read_text())


@pytest.mark.parametrize("dialect", [Csv(), NewlineJson(), JsonArray(), Parquet()])
def test_no_rows_are_a_file_too(tmp_path: Path, dialect: Csv | Parquet) -> None:
    write(tmp_path / "file", dialect, rows_of([], []))
    content = (tmp_path / "file").read_bytes()
    assert (b"name" in content) == isinstance(dialect, Csv | Parquet)
    if isinstance(dialect, JsonArray):
        assert json.loads(content) == []


def test_the_hash_of_parquet_is_of_what_it_says(tmp_path: Path) -> None:
    rows = rows_of(["a", None, "ccc", "d"], [1, 2, 3, 4])
    first = write(tmp_path / "a", Parquet(), rows)
    # Other buffers, the same values: nulls over something, a slice of something longer.
    longer = rows_of(["x", "a", "b", "ccc", "d"], [9, 1, 2, 3, 4]).slice(1, 5)
    hidden = pa.compute.if_else(pa.array([True, False, True, True]), longer.columns["name"], None)
    numbers = whole(np.arange(4, dtype=np.int64))
    again = longer.with_columns({"name": hidden, "number": numbers})
    assert write(tmp_path / "b", Parquet(), again) == first
    other = rows_of(["a", "", "ccc", "d"], [1, 2, 3, 4])
    assert write(tmp_path / "c", Parquet(), other) != first
