"""Texts from delivery to landing: a daily CSV entity and an NDJSON snapshot, end to end."""

import gzip
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestration.landing.contract import Column
from orchestration.landing.identifiers import token
from orchestration.settings import DEMO_IDENTITY_KEY
from orchestration.sources.config import SourceConfig
from orchestration.sources.text_files.reading import column_values
from tests.unit.landing.conftest import CONTRACTS, SOURCE, Shop

DAY = "2017-01-05"
HEADER = "receipt;card;amount;sold_at"
NOON = "05/01/2017 17:00:00"
GOOD = f"1;007;1,50;{NOON}"

SALES: dict[str, Any] = {
    "kind": "csv",
    "delimiter": ";",
    "decimal_mark": ",",
    "encoding": "cp1252",
    "time": {"date": "%d/%m/%Y", "timestamp": "%d/%m/%Y %H:%M:%S"},
}
PRODUCTS: dict[str, Any] = {"kind": "ndjson", "names": {"name": "productName"}}


def with_formats(**formats: dict[str, Any]) -> SourceConfig:
    """The shop whose entities write texts."""
    document = SOURCE.model_dump(mode="json")
    for entity in document["entities"]:
        entity["format"] = formats.get(entity["name"], entity["format"])
    return SourceConfig.model_validate(document)


@pytest.fixture
def texts(shop: Shop) -> Shop:
    shop.source = with_formats(sales=SALES, products=PRODUCTS)
    return shop


def deliver(shop: Shop, entity: str, name: str, *lines: str, encoding: str = "cp1252") -> Path:
    path = shop.settings.inbox_dir / "corner_shop" / entity / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\r\n" for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return path


def deliver_sales(shop: Shop, *lines: str) -> Path:
    return deliver(shop, "sales", f"{DAY}.csv", HEADER, *lines)


def land(shop: Shop, entity: str = "sales") -> Any:
    """The report of the only partition."""
    (report,) = shop.landing(entity).land().partitions
    for row in shop.ledger.accounting():
        assert row["physical_rows"] == row["landed_rows"] + row["quarantined_rows"]
    assert list(shop.settings.scratch_dir.iterdir()) == [], "raw identifiers would lie there"
    return report


def kept(shop: Shop) -> pd.DataFrame:
    (path,) = shop.settings.quarantine_dir.rglob("rows.parquet")
    return pd.read_parquet(path)


def test_a_day_of_text_lands_typed_and_its_identifiers_as_tokens(texts: Shop) -> None:
    deliver_sales(texts, GOOD, f'2;"7";"1.234,50";{NOON}', f"3;8;-,5;{NOON}", f"4;9;2;{NOON}")
    report = land(texts)
    assert report.outcome == "accepted"
    assert (report.physical_rows, report.landed_rows, report.quarantined_rows) == (4, 2, 2)
    assert report.quarantine_reasons == (("negative_amount", 1), ("unreadable_amount", 1))
    landed = texts.landed("sales")
    assert [float(amount) for amount in landed["amount"]] == [1.5, 2.0]
    assert landed["sold_at"].tolist()[0] == pd.Timestamp(2017, 1, 5, 17)
    assert landed["_business_date"].tolist() == [date(2017, 1, 5)] * 2
    assert landed["card_token"].tolist()[0] == token("loyalty_card", "7", DEMO_IDENTITY_KEY)
    assert not {"card", "_raw", "_line", "_structure_reason"} & set(landed.columns)


def test_records_without_shape_are_kept_with_reason_line_and_raw_text(texts: Shop) -> None:
    deliver_sales(texts, GOOD, "2;7", f'3;7;"1,50"x;{NOON}', f"4;7;2;{NOON};é", f"5;7;3;{NOON}")
    lenient = replace(CONTRACTS["sales"], quarantined_share_allowed=0.8)
    (report,) = texts.landing("sales", lenient).land().partitions
    assert report.quarantine_reasons == (
        ("misplaced_quote", 1),
        ("too_few_fields", 1),
        ("too_many_fields", 1),
    )
    rows = kept(texts).sort_values("_line")
    assert rows["_line"].tolist() == [3, 4, 5]
    assert rows["_raw"].tolist() == ["2;7", f'3;7;"1,50"x;{NOON}', f"4;7;2;{NOON};é"]
    assert rows["_reason"].tolist() == rows["_structure_reason"].tolist()
    assert texts.landed("sales")["receipt"].tolist() == [1, 5]


def test_too_many_records_without_shape_refuse_the_day(texts: Shop) -> None:
    deliver_sales(texts, GOOD, "2;7", "3;7")
    report = land(texts)
    assert report.outcome == "refused"
    assert report.reason == "2 of 3 rows are bad (the contract allows 50.00%)"
    assert report.quarantine_reasons == (("refused_batch", 1), ("too_few_fields", 2))
    assert len(kept(texts)) == 3


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "unreadable file (empty_file: it has no bytes, not even a header)"),
        (f"{HEADER}\r\n1;7;1,5".encode(), "unreadable file (cut_off: its last line, 2, has no"),
        (f"{HEADER}\r\n1;7;1,5;\x81\r\n".encode("latin-1"), "unreadable file (undecodable_bytes"),
        (b"receipt;card;amount;amount\r\n", "unreadable file (broken_header: column 4 of its"),
        (
            b"receipt;card;total;sold_at\r\n1;7;1,50;05/01/2017 17:00:00\r\n",
            "missing column amount (delivered instead: total)",
        ),
        (
            b"1;anna@example.com;1,50;05/01/2017 17:00:00\r\n",
            "missing column amount, card, receipt, sold_at (delivered instead: 4 whose name may",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_kept_under_its_own_name(
    texts: Shop, data: bytes, reason: str
) -> None:
    path = deliver_sales(texts)
    path.write_bytes(data)
    report = land(texts)
    assert report.outcome == "refused"
    assert str(report.reason).startswith(reason)
    (copy,) = texts.settings.quarantine_dir.rglob(f"{DAY}.csv")
    assert copy.read_bytes() == data
    assert [item.partition_key for item in texts.ledger.open_refusals()] == [DAY]
    assert "anna" not in str(report.reason)


def test_a_repaired_file_closes_the_refusal(texts: Shop) -> None:
    deliver_sales(texts).write_bytes(b"")
    assert land(texts).outcome == "refused"
    deliver_sales(texts, GOOD)
    assert land(texts).outcome == "accepted"
    assert texts.ledger.open_refusals() == ()


def test_the_order_of_the_columns_does_not_matter_and_a_new_one_is_left_out(texts: Shop) -> None:
    deliver(
        texts,
        "sales",
        f"{DAY}.csv",
        "sold_at;mood;amount;card;receipt",
        f"{NOON};fine;1,50;007;1",
    )
    report = texts.landing("sales").land()
    assert report.warnings == ("column mood is not in the contract and was left out",)
    first = report.partitions[0]
    deliver_sales(texts, GOOD)
    second = land(texts)
    assert (second.outcome, second.batch_id) == ("unchanged", first.batch_id)


def test_the_same_text_again_changes_nothing(texts: Shop) -> None:
    deliver_sales(texts, GOOD)
    assert land(texts).outcome == "accepted"
    assert texts.landing("sales").pending() == []
    assert land(texts).outcome == "unchanged"
    assert texts.judge.asked == [1]


def test_a_restated_text_replaces_its_day(texts: Shop) -> None:
    deliver_sales(texts, GOOD)
    land(texts)
    deliver_sales(texts, GOOD.replace("1,50", "9,00"))
    assert land(texts).outcome == "accepted"
    assert [float(amount) for amount in texts.landed("sales")["amount"]] == [9.0]


NULLABLE = replace(
    CONTRACTS["sales"],
    columns=(
        *CONTRACTS["sales"].columns,
        Column("points", "bigint", nullable=True),
        Column("note", "string", nullable=True),
    ),
    quarantined_share_allowed=0.9,
)


@pytest.mark.parametrize(
    "before, after",
    [
        pytest.param("4x;", ";", id="an unreadable value is left out"),
        pytest.param("4x;", "5x;", id="an unreadable value is another unreadable one"),
        pytest.param("4;x;y", "4;x;z", id="a record without shape is another one"),
        pytest.param("4;", "4;~", id="nothing becomes a text that looks like nothing"),
    ],
)
def test_a_corrected_record_is_never_called_unchanged(texts: Shop, before: str, after: str) -> None:
    for number, ending in enumerate((before, after)):
        lines = (f"{HEADER};points;note", f"{GOOD};1;", f"2;7;2;{NOON};{ending}")
        deliver(texts, "sales", f"{DAY}.csv", *lines)
        (report,) = texts.landing("sales", NULLABLE).land().partitions
        assert report.outcome == "accepted", number
    if after.startswith((";", "4;~")):
        assert sorted(texts.landed("sales")["receipt"]) == [1, 2]


def test_rows_in_another_order_are_unchanged_also_where_some_are_bad(texts: Shop) -> None:
    lines = [f"{GOOD};1;", f"2;7;2;{NOON};4x;", "3;7"]
    outcomes = []
    for ordered in (lines, lines[::-1]):
        deliver(texts, "sales", f"{DAY}.csv", f"{HEADER};points;note", *ordered)
        (report,) = texts.landing("sales", NULLABLE).land().partitions
        outcomes.append(report.outcome)
    assert outcomes == ["accepted", "unchanged"]


def test_another_dialect_lands_the_same_bytes_again(texts: Shop) -> None:
    deliver_sales(texts, GOOD)
    assert land(texts).outcome == "accepted"
    texts.source = with_formats(sales=SALES | {"time": SALES["time"] | {"time_zone": "Etc/GMT+2"}})
    assert [name for name, _ in texts.landing("sales").pending()] == [DAY]
    assert land(texts).outcome == "accepted"
    assert texts.landed("sales")["sold_at"].tolist() == [pd.Timestamp(2017, 1, 5, 19)]


def test_a_local_time_that_the_clock_skipped_is_quarantined(texts: Shop) -> None:
    local = {"timestamp": "%d/%m/%Y %H:%M:%S", "time_zone": "America/New_York"}
    texts.source = with_formats(sales=SALES | {"time": local})
    deliver_sales(texts, GOOD, "2;7;1;12/03/2017 02:30:00")
    report = land(texts)
    assert report.quarantine_reasons == (("skipped_by_clock_sold_at", 1),)
    assert kept(texts)["sold_at"].tolist() == ["12/03/2017 02:30:00"]
    assert texts.landed("sales")["sold_at"].tolist() == [pd.Timestamp(2017, 1, 5, 22)]


def test_a_base_text_lands_as_one_batch_per_business_date(texts: Shop) -> None:
    lines = (GOOD, "2;7;1;06/01/2017 03:30:00", "3;7;1;08/01/2017 17:00:00")
    (texts.folder / "sales.csv").write_text("\n".join((HEADER, *lines, "")), "cp1252")
    report = texts.landing("sales").land()
    assert [(item.partition, item.landed_rows) for item in report.partitions] == [
        ("2017-01-05", 2),
        ("2017-01-06", 0),
        ("2017-01-07", 0),
        ("2017-01-08", 1),
    ]
    assert texts.landing("sales").pending() == []


def test_what_has_no_shape_in_a_base_text_belongs_to_no_business_date(texts: Shop) -> None:
    (texts.folder / "sales.csv").write_text(f"{HEADER}\n{GOOD}\n2;7\n", "cp1252")
    report = texts.landing("sales").land()
    assert {item.partition: item.outcome for item in report.partitions} == {
        DAY: "accepted",
        "undated": "refused",
    }
    (undated,) = report.refused
    assert undated.quarantine_reasons == (("too_few_fields", 1),)


@pytest.mark.parametrize("year", ["0001", "9999", "0202"])
def test_a_year_that_nobody_meant_in_a_base_text_belongs_to_no_business_date(
    texts: Shop, year: str
) -> None:
    late = f"31/12/{year} 23:59:59" if year == "9999" else f"01/01/{year} 00:00:00"
    (texts.folder / "sales.csv").write_text(f"{HEADER}\n{GOOD}\n2;7;1;{late}\n", "cp1252")
    assert [name for name, _ in texts.landing("sales").pending()] == [DAY]
    report = texts.landing("sales").land()
    assert {item.partition: item.outcome for item in report.partitions} == {
        DAY: "accepted",
        "undated": "refused",
    }
    (undated,) = report.refused
    assert undated.quarantine_reasons == (("implausible_sold_at", 1),)


def test_a_record_of_a_base_text_with_a_bad_neighbour_column_keeps_its_day_open(
    texts: Shop,
) -> None:
    texts.source = with_formats(sales={"kind": "ndjson"})
    lines = [
        '{"receipt": 1, "card": 7, "amount": 1.5, "sold_at": "2017-01-05T17:00:00Z"}',
        '{"receipt": 2, "card": "\\u0000", "amount": 1.5, "sold_at": "2017-01-05T17:00:00Z"}',
    ]
    (texts.folder / "sales.ndjson").write_text("".join(f"{line}\n" for line in lines))
    report = texts.landing("sales").land()
    assert {item.partition: item.outcome for item in report.partitions} == {
        DAY: "accepted",
        "undated": "refused",
    }
    assert kept(texts)["_raw"].tolist() == [lines[1]]


def test_a_base_text_that_cannot_be_read_is_refused_and_raises_nowhere(texts: Shop) -> None:
    base = texts.folder / "sales.csv"
    base.write_text(f"{HEADER}\n{GOOD}\n", "cp1252")
    assert land(texts).outcome == "accepted"
    base.write_text(f"{HEADER}\n1;7;1,", "cp1252")
    assert land(texts).outcome == "refused"
    assert len(texts.landed("sales")) == 1, "the last good batch stays served"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The texts that were read for the dates of their records."""
    found: list[Path] = []

    def counting(path: Path, *arguments: Any) -> Any:
        found.append(path)
        return column_values(path, *arguments)

    monkeypatch.setattr("orchestration.landing.land.column_values", counting)
    return found


def test_who_looks_for_deliveries_reads_a_base_text_once_for_as_long_as_it_is_the_same(
    texts: Shop, readings: list[Path]
) -> None:
    base = texts.folder / "sales.csv"
    base.write_text(f"{HEADER}\n{GOOD}\n2;7\n", "cp1252")
    looks = [texts.landing("sales").pending() for _ in range(3)]
    assert [name for name, _ in looks[0]] == [DAY]
    assert looks == looks[:1] * 3
    assert readings == [base]

    texts.landing("sales").land()
    assert len(readings) == 2, "what is accepted is counted anew"

    base.write_text(f"{HEADER}\n{GOOD}\n2;7;1;06/01/2017 17:00:00\n", "cp1252")
    assert [name for name, _ in texts.landing("sales").pending()] == [DAY, "2017-01-06"]
    assert len(readings) == 3


def test_a_base_text_that_cannot_be_counted_is_not_read_at_every_look_either(
    texts: Shop, readings: list[Path]
) -> None:
    base = texts.folder / "sales.csv"
    base.write_text(f"{HEADER}\n{GOOD}", "cp1252")
    looks = [texts.landing("sales").pending() for _ in range(3)]
    assert [name for name, _ in looks[0]] == ["2017-01-01"]
    assert looks == looks[:1] * 3
    assert readings == [base]
    base.write_text(f"{HEADER}\n{GOOD}\n", "cp1252")
    assert [name for name, _ in texts.landing("sales").pending()] == [DAY]


@pytest.mark.parametrize(
    "changed",
    [{"source": {"time_zone": "Asia/Tokyo"}}, {"time": SALES["time"] | {"time_zone": "Etc/GMT+9"}}],
)
def test_another_clock_counts_the_same_text_again(texts: Shop, changed: dict[str, Any]) -> None:
    (texts.folder / "sales.csv").write_text(f"{HEADER}\n1;7;1;05/01/2017 20:00:00\n", "cp1252")
    assert [name for name, _ in texts.landing("sales").pending()] == [DAY]
    of_source = changed.pop("source", {})
    texts.source = with_formats(sales=SALES | changed).model_copy(update=of_source)
    assert [name for name, _ in texts.landing("sales").pending()] == ["2017-01-06"]


@pytest.mark.parametrize("kept", ["", "[]", "{}", '{"key": 1}', "null", "\0"])
def test_a_memory_that_cannot_be_read_is_none(texts: Shop, kept: str) -> None:
    (texts.folder / "sales.csv").write_text(f"{HEADER}\n{GOOD}\n", "cp1252")
    texts.landing("sales").pending()
    (memory,) = (texts.settings.home / "counted_days").iterdir()
    memory.write_text(kept)
    assert [name for name, _ in texts.landing("sales").pending()] == [DAY]


# -- a snapshot of objects ----------------------------------------------------------------


def deliver_products(shop: Shop, *objects: object, name: str = "snapshot.ndjson") -> Path:
    lines = [item if isinstance(item, str) else json.dumps(item) for item in objects]
    return deliver(shop, "products", name, *lines, encoding="utf-8")


TOLERANT = replace(CONTRACTS["products"], quarantined_share_allowed=0.5)


def test_a_snapshot_of_objects_lands_with_its_bad_rows_set_aside(texts: Shop) -> None:
    deliver_products(
        texts,
        {"product": 9007199254740993, "productName": "tëa"},
        {"product": 2},
        {"product": 3, "productName": {"en": "soap", "size": 1.50}},
        {"product": "4x", "productName": "x"},
        {"productName": "nobody"},
        '{"product": 6,',
    )
    (report,) = texts.landing("products", TOLERANT).land().partitions
    assert report.outcome == "accepted"
    assert report.quarantine_reasons == (
        ("malformed_json", 1),
        ("missing_product", 1),
        ("unreadable_product", 1),
    )
    landed = texts.landed("products")
    assert landed["product"].tolist() == [9007199254740993, 2, 3]
    assert landed["name"].dropna().tolist() == ["tëa", '{"en":"soap","size":1.5}']
    assert landed["name"].isna().tolist() == [False, True, False]
    assert kept(texts)["_line"].tolist() == [4, 5, 6]


def test_a_snapshot_again_is_a_no_op_and_a_changed_one_restates(texts: Shop) -> None:
    deliver_products(texts, {"product": 1, "productName": "tea"})
    first = land(texts, "products")
    assert first.outcome == "accepted"
    assert land(texts, "products").outcome == "unchanged"
    deliver_products(texts, {"product": 1, "productName": "coffee"})
    assert land(texts, "products").outcome == "accepted"
    assert texts.landed("products")["name"].tolist() == ["coffee"]


def test_a_required_key_that_no_object_has_refuses_and_names_what_came_instead(
    texts: Shop,
) -> None:
    deliver_products(texts, {"sku": 1, "productName": "tea"}, {"sku": 2})
    report = land(texts, "products")
    assert report.outcome == "refused"
    assert report.reason == "missing column product (delivered instead: sku)"
    assert report.physical_rows == 2


def test_unknown_keys_are_left_out_with_one_warning_and_their_count(texts: Shop) -> None:
    many = {
        f"tag_{chr(97 + place)}{chr(97 + other)}": 1 for place in range(5) for other in range(8)
    }
    deliver_products(
        texts, {"product": 1, "mood": "fine", "anna@example.com": 1}, many | {"product": 2}
    )
    (warning,) = texts.landing("products").land().warnings
    assert warning.startswith("42 keys are not in the contract and were left out: mood, tag_aa, ")
    assert warning.endswith("tag_cc, 21 more, 1 whose name may be data")


@pytest.mark.parametrize(
    "may_be_empty, outcome", [(True, "accepted"), (False, "refused"), (None, "refused")]
)
def test_no_bytes_land_as_no_rows_only_where_that_is_declared(
    texts: Shop, may_be_empty: bool | None, outcome: str
) -> None:
    texts.source = with_formats(products=PRODUCTS | {"may_be_empty": may_be_empty})
    deliver_products(texts)
    assert land(texts, "products").outcome == outcome


NOTHING = [
    pytest.param({"kind": "ndjson"}, b"\n", id="a line end"),
    pytest.param({"kind": "ndjson"}, b"\xef\xbb\xbf\r\n", id="a mark and a line end"),
    pytest.param({"kind": "json"}, b"[]", id="an array without elements"),
    pytest.param({"kind": "json", "path": ["data"]}, b'{"data": [ ]}', id="the same at a path"),
    pytest.param({"kind": "csv"}, b"product,name\n", id="a header"),
    pytest.param({"kind": "csv"}, b"product,name\r\n\r\n", id="a header and an empty line"),
]


@pytest.mark.parametrize("declared, data", NOTHING)
def test_a_text_without_records_does_not_replace_a_snapshot_unless_that_is_declared(
    texts: Shop, declared: dict[str, Any], data: bytes
) -> None:
    deliver_products(texts, {"product": 1, "productName": "tea"})
    assert land(texts, "products").outcome == "accepted"
    deliver_products(texts).unlink()
    for may_be_empty, outcome, served in (
        (None, "refused", 1),
        (False, "refused", 1),
        (True, "accepted", 0),
    ):
        texts.source = with_formats(products=declared | {"may_be_empty": may_be_empty})
        path = deliver_products(texts, name=f"snapshot.{declared['kind']}")
        path.write_bytes(data)
        report = land(texts, "products")
        assert report.outcome == outcome
        assert "declare `may_be_empty: true`" in str(report.reason) or may_be_empty
        assert len(texts.landed("products")) == served
    copies = [item.read_bytes() for item in texts.settings.quarantine_dir.rglob(path.name)]
    assert set(copies) == {data}


def test_a_day_without_records_lands_as_none_unless_that_is_denied(texts: Shop) -> None:
    deliver_sales(texts)
    assert land(texts).outcome == "accepted"
    deliver_sales(texts, GOOD)
    assert land(texts).outcome == "accepted"
    texts.source = with_formats(sales=SALES | {"may_be_empty": False})
    deliver_sales(texts)
    assert land(texts).outcome == "refused"
    assert len(texts.landed("sales")) == 1


@pytest.mark.parametrize(
    "declared, name, data",
    [
        (
            {"compression": "gzip"},
            "snapshot.ndjson.gz",
            gzip.compress(b'{"product": 1}\n', mtime=0),
        ),
        ({"kind": "json", "path": ["data"]}, "snapshot.json", b'{"data": [{"product": 1}]}'),
        (
            {"kind": "csv", "encoding": "utf-16"},
            "snapshot.csv",
            "product,name\n1,x\n".encode("utf-16"),
        ),
    ],
)
def test_every_kind_lands(texts: Shop, declared: dict[str, Any], name: str, data: bytes) -> None:
    texts.source = with_formats(products={"kind": "ndjson"} | declared)
    deliver_products(texts, name="snapshot.tmp").with_name(name).write_bytes(data)
    assert land(texts, "products").outcome == "accepted"
    assert texts.landed("products")["product"].tolist() == [1]


def test_a_count_that_disagrees_with_what_was_read_refuses_the_file(
    texts: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.landing import readable

    monkeypatch.setattr(readable, "count_records", lambda *_: 2)
    deliver_sales(texts, GOOD)
    report = land(texts)
    assert report.outcome == "refused"
    assert str(report.reason).startswith("accounting: 1 records were read and 2 counted")


def test_no_failpoint_is_lost_and_none_is_passed_twice(
    texts: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.landing import land as module

    passed: list[object] = []
    monkeypatch.setattr(module, "reach", passed.append)
    delivered = deliver_sales(texts, GOOD)
    land(texts)
    delivered.unlink()
    of_text, passed[:] = list(passed), []
    shop_of_parquet = replace(texts, source=SOURCE)
    shop_of_parquet.deliver(
        "sales",
        [{"receipt": 5, "card": 7, "amount": 1.5, "sold_at": pd.Timestamp(2017, 1, 6, 17)}],
        "2017-01-06",
    )
    shop_of_parquet.landing("sales").land()
    assert of_text == passed
    assert len(set(of_text)) == len(of_text)
