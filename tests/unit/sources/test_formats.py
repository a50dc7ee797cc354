"""What an entity may declare of its files, and which files in an inbox are deliveries."""

import gzip
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from orchestration.settings import load_settings
from orchestration.sources.config import EntityConfig, load_source
from orchestration.sources.files import FileReader, SourceError
from orchestration.sources.formats import (
    CsvFormat,
    FileFormat,
    JsonFormat,
    ParquetFormat,
    TimeFormat,
    format_pattern,
)

FORMATS: TypeAdapter[FileFormat] = TypeAdapter(FileFormat)


def test_an_entity_that_declares_nothing_delivers_parquet() -> None:
    entity = EntityConfig(name="sales", description="A sale.", channel="store")
    assert entity.format == ParquetFormat()
    assert entity.format.suffix == ".parquet"


@pytest.mark.parametrize(
    "declared, suffix",
    [
        ({"kind": "parquet"}, ".parquet"),
        ({"kind": "csv"}, ".csv"),
        ({"kind": "csv", "compression": "gzip"}, ".csv.gz"),
        ({"kind": "ndjson", "compression": "gzip"}, ".ndjson.gz"),
        ({"kind": "json", "path": ["data", "items"]}, ".json"),
    ],
)
def test_the_kind_and_its_compression_name_the_files(declared: dict[str, Any], suffix: str) -> None:
    assert FORMATS.validate_python(declared).suffix == suffix


@pytest.mark.parametrize(
    "declared, told",
    [
        ({}, "`kind` is missing; it is parquet, csv, ndjson or json"),
        ({"kind": "xlsx"}, "'parquet', 'csv', 'ndjson', 'json'"),
        ({"kind": "parquet", "compression": "gzip"}, "Extra inputs"),
        ({"kind": "ndjson", "delimiter": ";"}, "Extra inputs"),
        ({"kind": "csv", "delimiter": ";;"}, "must be one character"),
        ({"kind": "csv", "delimiter": "a"}, "no letter"),
        ({"kind": "csv", "delimiter": "\n"}, "line end"),
        ({"kind": "csv", "delimiter": '"'}, "are the same character"),
        ({"kind": "csv", "encoding": "shift-jis"}, "'utf-8', 'utf-16', 'cp1252' or 'latin-1'"),
        ({"kind": "csv", "names": {"a": "X", "b": "X"}}, "one name of the file to two columns"),
        ({"kind": "csv", "greatest_record": 1}, "greater than or equal to 1024"),
        ({"kind": "csv", "time": {"date": "%d/%m/%y"}}, "has %y; allowed are"),
        ({"kind": "csv", "time": {"date": "%d/%m"}}, "lacks %Y"),
        ({"kind": "csv", "time": {"date": "%d/%m/%Y %d"}}, "names a part twice"),
        ({"kind": "csv", "time": {"timestamp": "%d/%m/%Y %I:%M %p"}}, "has %I, %p"),
        ({"kind": "csv", "time": {"time_zone": "Mars/Base"}}, "is not an IANA time zone"),
        ({"kind": "csv", "time": {"time_zone": "localtime"}}, "is not an IANA time zone"),
        ({"kind": "csv", "time": {"time_zone": "posixrules"}}, "is not an IANA time zone"),
        ({"kind": "csv", "time": {"time_zone": "posix/Europe/Berlin"}}, "is not an IANA time"),
        ({"kind": "csv", "time": {"time_zone": "right/Europe/Berlin"}}, "is not an IANA time"),
        ({"kind": "csv", "time": {"date": "%d/%m/%Y%"}}, "has a % that names no part"),
        ({"kind": "csv", "time": {"date": "%d/%m/%Y%%"}}, "has a % that names no part"),
        ({"kind": "csv", "time": {"date": "%d0%m/%Y"}}, "has a digit"),
        (
            {"kind": "csv", "booleans": {"true_words": ["x"], "false_words": ["X"]}},
            "'x' means both",
        ),
        ({"kind": "csv", "booleans": {"true_words": []}}, "at least 1 item"),
        ({"kind": "csv", "booleans": {"true_words": ["\u0130"]}}, "only ASCII"),
        ({"kind": "csv", "time": {"earliest": "2300-01-01"}}, "`earliest` is later than"),
    ],
)
def test_a_format_that_cannot_be_meant_is_refused_with_its_reason(
    declared: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        FORMATS.validate_python(declared)
    assert told in str(refused.value)


def test_the_example_of_the_how_to_is_a_format_and_says_what_it_seems_to() -> None:
    text = (load_settings({}).project_dir / "docs" / "how-to" / "add-a-source.md").read_text()
    (example,) = re.findall(r"```yaml\n(entities:.*?)```", text, re.DOTALL)
    (entity,) = yaml.safe_load(example)["entities"]
    declared = FORMATS.validate_python(entity["format"])
    assert isinstance(declared, CsvFormat)
    assert declared.booleans.true_words == ("j",)
    assert declared.time_format("valid_until") == TimeFormat(latest=date(9999, 12, 31))
    assert declared.suffix == ".csv.gz"


def test_the_error_of_a_definition_names_file_entity_and_attribute(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    path.write_text(
        """
attributes:
  source: shop
  vendor: shop
  description: A shop.
  owner: commerce
  data_origin: synthetic
  lawful_basis: none
  cadence: daily
  time_zone: UTC
  reader: {kind: folder, path: files}
  entities:
    - {name: sales, description: A sale., channel: store, format: {kind: csv, decimal_mark: "x"}}
"""
    )
    with pytest.raises(ValueError, match=re.escape(f"{path}: entities.0.format.csv.decimal_mark")):
        load_source(path)


def test_a_format_is_frozen_and_another_dialect_has_another_fingerprint() -> None:
    plain = CsvFormat()
    with pytest.raises(ValidationError, match="frozen"):
        plain.delimiter = ";"  # type: ignore[misc]
    assert plain.fingerprint == CsvFormat().fingerprint
    assert plain.fingerprint != CsvFormat(delimiter=";").fingerprint
    assert plain.fingerprint != JsonFormat().fingerprint


def test_single_columns_may_write_their_times_another_way() -> None:
    local = TimeFormat(time_zone="America/Toronto")
    dialect = CsvFormat(time=TimeFormat(date="%d/%m/%Y"), time_of={"opened_at": local})
    assert dialect.time_format("opened_at") == local
    assert dialect.time_format("business_date").date == "%d/%m/%Y"


@pytest.mark.parametrize(
    "written, value, fits",
    [
        ("%d/%m/%Y", "20/02/2017", True),
        ("%d/%m/%Y", "2/2/2017", True),
        ("%d/%m/%Y", "20/02/17", False),
        ("%d/%m/%Y", "20/13/2017", False),
        ("%d/%m/%Y", "20-02-2017", False),
        ("%d.%m.%Y", "20x02x2017", False),
        ("%Y%m%d", "20170220", True),
        ("%Y%m%d", "2017022", False),
        ("%d%m%Y", "20022017", True),
        ("%d%m%Y", "1112017", False),
        ("%d%m/%Y", "111/2017", False),
        ("%d/%m%Y", "1/112017", True),
        ("%Y%m%d%H%M%S", "20170220235959", True),
        ("%Y%m%d%H%M", "2017022019", False),
        ("%Y-%m-%d %H:%M:%S.%f", "2017-02-20 23:59:59.5", True),
        ("%Y-%m-%d %H:%M:%S%f", "2017-02-20 23:59:595", False),
        ("%Y-%m-%d %H:%M%z", "2017-02-20 23:59+1400", True),
        ("%Y-%m-%d %H:%M%z", "2017-02-20 23:59-13:59", True),
        ("%Y-%m-%d %H:%M%z", "2017-02-20 23:59+1401", False),
        ("%Y-%m-%d %H:%M%z", "2017-02-20 23:59+2360", False),
        ("%Y-%m-%d %H:%M%z", "2017-02-20 23:59+9900", False),
        ("%d/%m/%Y %H:%M:%S", "20/02/2017 23:59:60", False),
    ],
)
def test_a_value_fits_a_format_as_a_whole_or_not(written: str, value: str, fits: bool) -> None:
    assert (re.fullmatch(format_pattern(written), value) is not None) is fits
    if fits:
        datetime.strptime(value, written).replace(tzinfo=UTC)


def inbox(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "inbox" / "shop" / "sales"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"id\n")
    return tmp_path / "inbox"


def test_hidden_files_and_unknown_suffixes_are_no_deliveries(tmp_path: Path) -> None:
    names = ("2017-01-01.csv", ".2017-01-02.json", "2017-01-03.csv.part", "2017-01-04.txt")
    reader = FileReader("shop", "sales", tmp_path, inbox(tmp_path, *names), CsvFormat())
    assert [file.path.name for file in reader.inbox_files()] == ["2017-01-01.csv"]
    assert [file.partition for file in reader.inbox_files()] == ["2017-01-01"]


@pytest.mark.parametrize(
    "declared, name, shown",
    [
        (CsvFormat(), "2017-01-04.parquet", "2017-01-04.parquet lies"),
        (CsvFormat(), "snapshot.json.gz", "snapshot.json.gz lies"),
        (CsvFormat(), "anna@example.com.ndjson", "a .ndjson file lies"),
        (JsonFormat(), "2017-01-04.ndjson", "2017-01-04.ndjson lies"),
        (ParquetFormat(), "2017-01-04.csv.gz", "2017-01-04.csv.gz lies"),
    ],
)
def test_a_delivery_of_another_kind_is_not_passed_over(
    tmp_path: Path, declared: FileFormat, name: str, shown: str
) -> None:
    folder = inbox(tmp_path, f"2017-01-01{declared.suffix}", name)
    with pytest.raises(SourceError) as refused:
        FileReader("shop", "sales", tmp_path, folder, declared).inbox_files()
    assert str(refused.value) == (
        f"shop/sales: {shown} in the inbox, and the format of sales declares {declared.suffix} "
        "files; nothing was read; deliver it the declared way, move it away, or change `format` "
        "in defs.yaml"
    )


def test_two_files_of_one_partition_are_an_error_and_none_is_chosen(tmp_path: Path) -> None:
    folder = inbox(tmp_path, "2017-01-01.csv", "2017-01-01.csv.gz")
    with pytest.raises(SourceError) as refused:
        FileReader("shop", "sales", tmp_path, folder, CsvFormat()).inbox_files()
    assert str(refused.value) == (
        "shop/sales: 2017-01-01.csv.gz lies beside 2017-01-01.csv and only one of them can be "
        "the delivery; nothing was read; move the other one away"
    )


def test_a_file_compressed_in_an_undeclared_way_is_not_passed_over(tmp_path: Path) -> None:
    folder = inbox(tmp_path, "snapshot.csv.gz")
    with pytest.raises(SourceError, match=r"declares \.csv files; nothing was read; change"):
        FileReader("shop", "sales", tmp_path, folder, CsvFormat()).inbox_files()
    reader = FileReader("shop", "sales", tmp_path, folder, CsvFormat(compression="gzip"))
    assert [file.partition for file in reader.inbox_files()] == ["snapshot"]


def test_a_base_file_has_the_suffix_of_its_format(tmp_path: Path) -> None:
    (tmp_path / "sales.ndjson.gz").write_bytes(gzip.compress(b"{}\n"))
    declared = FORMATS.validate_python({"kind": "ndjson", "compression": "gzip"})
    base = FileReader("shop", "sales", tmp_path, tmp_path / "inbox", declared).base_file()
    assert base is not None
    assert base.path.name == "sales.ndjson.gz"
    (tmp_path / "sales.ndjson").write_bytes(b"{}\n")
    with pytest.raises(SourceError, match="lies beside"):
        FileReader("shop", "sales", tmp_path, tmp_path / "inbox", declared).base_file()
