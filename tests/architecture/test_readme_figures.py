"""What the README counts is there: never more than reality, and not much less.

A new test need not touch the README; a tenth of them must.
"""

import re

import pytest

from orchestration.quality import load_suites
from orchestration.settings import load_settings
from orchestration.warehouse.manifest import load_manifest
from tests.architecture.conftest import ROOT

CLAIM = re.compile(
    r"(?P<unit>\d+) dbt unit tests, (?P<data>\d+) data tests, (?P<all>\d+) expectations: "
    r"(?P<written>\d+) written.* and (?P<derived>\d+) that follow"
)
LEAST_SHARE = 0.9


@pytest.fixture(scope="module")
def claimed() -> dict[str, int]:
    found = CLAIM.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None, "the README counts nothing, or in other words"
    return {name: int(value) for name, value in found.groupdict().items()}


def test_the_readme_counts_no_more_tests_than_there_are_and_not_much_fewer(
    claimed: dict[str, int],
) -> None:
    content = load_manifest(load_settings()).content
    suites = load_suites(load_settings().expectations_dir).values()
    there = {
        "unit": len(content["unit_tests"]),
        "data": sum(node["resource_type"] == "test" for node in content["nodes"].values()),
        "written": sum(
            len(table.expectations) for suite in suites for table in suite.tables.values()
        ),
    }
    wrong = {
        name: (claimed[name], count)
        for name, count in there.items()
        if not LEAST_SHARE * count <= claimed[name] <= count
    }
    assert wrong == {}


def test_the_parts_that_the_readme_counts_make_its_sum(claimed: dict[str, int]) -> None:
    assert claimed["written"] + claimed["derived"] == claimed["all"]
