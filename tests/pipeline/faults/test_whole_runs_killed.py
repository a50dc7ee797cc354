"""Whole runs killed at every place, one after the other, with none between that goes through.

Readers always see one whole version, the next run needs no hand, and what comes out in the
end is hash-equal to runs that were never killed, with every record accounted for.
"""

from pathlib import Path

import pytest

from orchestration.failpoints import Action, Place
from tests.pipeline.faults.aftermath import (
    assert_one_whole_version,
    deliver,
    never_killed,
    outcome,
)
from tests.pipeline.faults.children import interrupted, run_child
from tests.pipeline.worlds import World, run_whole

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]

REFUSING = {Place.LANDING_QUARANTINED, Place.LANDING_REFUSED}


def test_killed_at_every_place_it_ends_as_if_nobody_had_killed_it(
    world: World, built_home: Path, tmp_path: Path
) -> None:
    world.enter()
    for number, place in enumerate(Place):
        deliver(world, number, refused=place in REFUSING)
        interrupted(place, Action.KILL, run_whole, world.environment)
        assert_one_whole_version(world.settings.home)
    assert run_child(run_whole, world.environment) == 0
    twin = never_killed(built_home, world.settings.inbox_dir, tmp_path)
    assert run_child(run_whole, {**world.environment, "SHOPTHREAD_HOME": str(twin)}) == 0
    ours, theirs = outcome(world.settings.home), outcome(twin)
    assert ours.marts == theirs.marts
    assert theirs.batches <= ours.batches, "a batch was lost"
