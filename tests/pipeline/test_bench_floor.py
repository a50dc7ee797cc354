"""The hand-written floor makes what the pipeline publishes, so that their times compare."""

from pathlib import Path

import pytest

from bench.full import FLOOR, of_floor
from bench.harness import UnequalError, assert_equal, run_candidate
from bench.worlds import World, business_marts, published_file
from orchestration.publish.hashes import PUBLISHED_SCHEMAS
from orchestration.settings import load_settings
from tests.pipeline.worlds import FIRST, LAST

pytestmark = pytest.mark.slow


def test_the_floor_makes_every_business_mart_of_a_run(
    tmp_path: Path, tiny_panel: Path, built_home: Path
) -> None:
    floor = of_floor(World(tiny_panel, FIRST, LAST))
    run_candidate("floor", floor, tmp_path)
    assert floor.answer is not None
    published = business_marts(published_file(load_settings({"SHOPTHREAD_HOME": str(built_home)})))
    answers = {"published": published, FLOOR: floor.answer(tmp_path)}
    assert assert_equal("floor", answers, tmp_path) == len(published)
    assert {mart.partition(".")[0] for mart in published} == {*PUBLISHED_SCHEMAS} - {"quality"}


def test_a_world_of_one_day_less_is_told_apart(
    tmp_path: Path, tiny_panel: Path, built_home: Path
) -> None:
    floor = of_floor(World(tiny_panel, FIRST, LAST.replace(day=LAST.day - 1)))
    run_candidate("floor", floor, tmp_path)
    assert floor.answer is not None
    published = business_marts(published_file(load_settings({"SHOPTHREAD_HOME": str(built_home)})))
    with pytest.raises(UnequalError, match=r"commerce\.fct_orders"):
        assert_equal("floor", {"published": published, FLOOR: floor.answer(tmp_path)}, tmp_path)
