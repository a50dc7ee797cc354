"""The mission page says what the marks and the last results say."""

from pathlib import Path

import pytest

from tools import mission

ROWS = "id,section,feature\nM001,Sources,Sources are known.\nM002,Sources,Ways are told apart.\n"
TESTS = """
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.mission("M002", part="one way")]

@pytest.mark.mission("M001")
@pytest.mark.parametrize("x", [1, 2])
def test_known(x): ...

class TestWays:
    def test_told_apart(self): ...
"""
KNOWN = "tests/test_a.py::test_known"
APART = "tests/test_a.py::TestWays::test_told_apart"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / mission.ROWS_FILE).write_text(ROWS)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(TESTS)
    return tmp_path


def page(root: Path, results: dict[str, str]) -> str:
    text = mission.render(mission.read_rows(root), mission.read_claims(root), results)
    file = root / mission.PAGE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return text


def test_marks_of_functions_classes_and_modules_are_claims(project: Path) -> None:
    assert [(c.row, c.test, c.part) for c in mission.read_claims(project)] == [
        ("M001", KNOWN, None),
        ("M002", APART, "one way"),
        ("M002", KNOWN, "one way"),
    ]


@pytest.mark.parametrize(
    "mark",
    ['mission("M999")', "mission(ROW)", "mission", "mission()", 'mission("M001", half=True)'],
)
def test_a_mark_that_cannot_be_used_is_refused(project: Path, mark: str) -> None:
    (project / "tests/test_b.py").write_text(f"@pytest.mark.{mark}\ndef test_b(): ...\n")
    with pytest.raises(mission.MissionError, match=r"tests/test_b\.py"):
        mission.read_claims(project)


@pytest.mark.parametrize(
    "results, first, second",
    [
        ({}, "unproved", "unproved"),
        ({KNOWN: "passed"}, "done", "unproved"),
        ({KNOWN: "passed", APART: "passed"}, "done", "partly"),
        ({KNOWN: "skipped", APART: "passed"}, "unproved", "unproved"),
        ({KNOWN: "failed", APART: "passed"}, "failing", "failing"),
    ],
)
def test_the_status_follows_marks_and_results(
    project: Path, results: dict[str, str], first: str, second: str
) -> None:
    text = page(project, results)
    assert f"| M001 | Sources are known. | {first} |" in text
    assert f"| M002 | Ways are told apart. | {second} |" in text
    assert mission.results_in(text) == {KNOWN: "not run", APART: "not run"} | results
    assert mission.problems(project) == []


def test_a_row_without_a_test_is_open(project: Path) -> None:
    (project / "tests/test_a.py").write_text("")
    assert page(project, {}).count("| open |") == 2


@pytest.mark.parametrize(
    "change",
    [
        ("tests/test_a.py", "test_known", "test_renamed"),
        ("tests/test_a.py", 'mission("M001")', 'mission("M001", part="some")'),
        ("tools/mission_rows.csv", "Sources are known.", "Sources are known well."),
        ("docs/reference/mission.md", "| M001 |", "| M003 |"),
    ],
)
def test_a_page_that_does_not_follow_the_code_is_found(
    project: Path, change: tuple[str, str, str]
) -> None:
    page(project, {KNOWN: "passed"})
    name, old, new = change
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))
    assert mission.problems(project) != []


def test_a_page_that_calls_passed_what_did_not_pass_is_found(project: Path) -> None:
    page(project, {KNOWN: "passed"})
    assert len(mission.problems(project, with_results=True)) == 1
    results = project / mission.RESULTS_FILE
    results.parent.mkdir(parents=True)
    results.write_text(f'{{"{KNOWN}[1]": "passed", "{KNOWN}[2]": "passed"}}')
    assert mission.problems(project, with_results=True) == []
    results.write_text(f'{{"{KNOWN}[1]": "passed", "{KNOWN}[2]": "failed"}}')
    assert len(mission.problems(project, with_results=True)) == 1


def test_the_rows_are_those_of_the_mission() -> None:
    rows = list(mission.read_rows())
    assert len(rows) == 176
    assert sum(key.startswith("M") for key in rows) == 137
    assert [key for key in rows if key.startswith("N")] == [f"N{n:02}" for n in range(1, 25)]
    assert [key for key in rows if key.startswith("A")] == [f"A{n}" for n in range(1, 16)]
