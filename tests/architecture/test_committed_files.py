"""What is committed is finished, of no one machine, and follows what it is generated from."""

import re
from pathlib import Path

import pytest

from tools import lock, mission, tidy


def test_committed_files_are_tidy(root: Path) -> None:
    found = tidy.problems(root, tidy.committed_files(root))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "see /wo" + "rk/main/x.py",
        'path = "/ho' + 'me/ann/x"',
        "https://py" + "pi.org/simple",
        "# TO" + "DO later",
        "-- XX" + "X later",
        "good enough for " + "now",
        "a du" + "mmy value",
    ],
)
def test_an_untidy_line_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.txt").write_text(f"first\n{text}\n")
    (found,) = tidy.problems(tmp_path, [Path("x.txt")])
    assert found.startswith("x.txt:2:")


@pytest.mark.parametrize("text", ["- {currency: XX" + "X}", "a/work/of art", "home/ann"])
def test_a_tidy_line_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.txt").write_text(text)
    assert tidy.problems(tmp_path, [Path("x.txt")]) == []


def test_a_large_file_and_a_name_without_place_are_found(tmp_path: Path) -> None:
    (tmp_path / "NOTES.md").write_text("x" * 2_000_000)
    assert len(tidy.problems(tmp_path, [Path("NOTES.md")])) == 2


@pytest.mark.parametrize("name", [entry.name for entry in lock.ALL])
def test_a_lock_has_hashes_and_no_addresses(root: Path, name: str) -> None:
    text = (root / lock.LOCKS / f"{name}.txt").read_text()
    assert "==" in text
    assert lock.problems(text, name) == []


@pytest.mark.parametrize(
    "text",
    [
        "rich==15.0.0\n",
        "rich @ https://example.org/rich.whl \\\n    --hash=sha256:00\n",
        "--index-url https://example.org/simple\n",
    ],
)
def test_a_lock_without_hash_or_with_an_address_is_found(text: str) -> None:
    assert lock.problems(text, "run") != []


def test_the_mission_page_lists_every_row_and_every_mark() -> None:
    found = mission.problems()
    assert not found, "\n".join(found)


def test_contributors_find_every_verb_of_the_makefile(root: Path) -> None:
    verbs = re.findall(r"^([a-z-]+):.*## ", (root / "Makefile").read_text(), re.MULTILINE)
    told = re.findall(
        r"^\| `make ([a-z-]+)` \|", (root / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert set(verbs) - {"help"} == set(told)
