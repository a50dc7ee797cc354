"""One full run of the tiny world stays within the committed counts."""

from pathlib import Path

import pytest

from bench.budget import count_run, exceeded, load_budget
from bench.worlds import World
from tests.pipeline.worlds import FIRST, LAST

pytestmark = pytest.mark.slow


def test_a_run_counts_no_more_than_its_budget(tmp_path: Path, tiny_panel: Path) -> None:
    counts = count_run(World(tiny_panel, FIRST, LAST), tmp_path / "home")
    assert exceeded(counts, load_budget()) == []
