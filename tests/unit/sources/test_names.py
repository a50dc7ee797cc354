"""Which delivered names may be repeated in messages."""

from pathlib import Path

import pytest

from orchestration.sources.files import FileReader, SourceError
from orchestration.sources.names import is_plain, shown


@pytest.mark.parametrize("name", ["turnover", "_row", "Household_ID", "address_line_2", "week53"])
def test_a_name_written_like_a_column_is_shown(name: str) -> None:
    assert is_plain(name)


@pytest.mark.parametrize(
    "name",
    ["anna@example.com", "Anna Muster", "LC-4711", "4711", "card_4711", "", "x" * 41, "a;b", "né"],
)
def test_a_name_that_may_be_a_value_is_counted_only(name: str) -> None:
    assert not is_plain(name)
    assert shown(["turnover", name]) == "turnover, 1 whose name may be data"


@pytest.mark.parametrize(
    "name, told", [("yesterday", "yesterday.parquet"), ("anna@example.com", "a file")]
)
def test_a_misnamed_file_is_refused_and_named_only_by_a_plain_name(
    tmp_path: Path, name: str, told: str
) -> None:
    folder = tmp_path / "inbox" / "shop" / "sales"
    folder.mkdir(parents=True)
    (folder / f"{name}.parquet").write_bytes(b"")
    with pytest.raises(SourceError) as refused:
        FileReader("shop", "sales", tmp_path, tmp_path / "inbox").inbox_files()
    assert str(refused.value).startswith(f"shop/sales: {told} in the inbox")
    assert "anna" not in str(refused.value)
