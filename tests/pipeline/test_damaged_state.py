"""Damage and full disks met by whole runs: the next run needs no hand."""

import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from orchestration.publish import current, damage_of, examine, fall_back
from tests.pipeline.command_line import CommandLine, words
from tests.pipeline.worlds import PUBLISHED, World
from tests.small_disk import small_disk
from tests.unit.publish.conftest import flip

pytestmark = pytest.mark.slow

MEGA = 1_000_000


def publish_metadata(world: World) -> dict[str, object]:
    event = world.instance().get_latest_materialization_event(PUBLISHED)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: item.value for name, item in event.asset_materialization.metadata.items()}


def test_a_run_leaves_a_damaged_version_publishes_a_whole_one_and_shows_it(world: World) -> None:
    world.deliver("demographics", "snapshot", world.delivered("demographics").iloc[:-1])
    assert world.run().success
    assert world.published_version() == 2
    assert "fell_back" not in publish_metadata(world)
    published = world.settings.published_dir
    flip(published / "2" / "analytics.duckdb", 300)
    flip(published / "2" / "manifest.json", 30)
    run = world.run(["publish/published_version", "publish/report"])
    assert run.success, run.failures
    now = current(world.settings)
    assert now is not None
    assert (now.version, now.manifest.parent, now.fell_back) == (3, 1, None)
    told = publish_metadata(world)
    assert "version 2 is damaged" in str(told["fell_back"])
    assert "version 1 is served instead" in str(told["fell_back"])
    assert "version 2 is damaged" in str(told["why"])
    assert damage_of(published / "3") == ()
    assert {item.file.split("/")[0] for item in examine(world.settings)} == {"2"}
    assert world.run(["publish/published_version"]).success
    assert "fell_back" not in publish_metadata(world)


def test_the_only_version_damaged_is_replaced_from_the_warehouse(world: World) -> None:
    flip(world.settings.published_dir / "1" / "analytics.duckdb", 300)
    run = world.run(["publish/published_version"])
    assert run.success, run.failures
    assert world.published_version() == 2
    assert "no earlier version" in str(publish_metadata(world)["why"])
    assert fall_back(world.settings) is None


def test_a_run_on_a_disk_that_is_too_small_says_so_and_the_next_one_heals(
    tmp_path: Path, tiny_panel: Path, built_home: Path
) -> None:
    with small_disk(tmp_path / "disk", 2_000 * MEGA) as disk:
        home = disk.folder / "var"
        shutil.copytree(built_home, home, symlinks=True)
        home.chmod(0o700)
        shopthread = CommandLine(home, tiny_panel)
        inbox = shopthread.settings.inbox_dir / "complete_journey" / "demographics"
        inbox.mkdir(parents=True)
        world_rows = pd.read_parquet(tiny_panel / "demographics.parquet").iloc[:-1]
        world_rows.to_parquet(inbox / "snapshot.parquet", index=False)
        # Too little to start a run, and too little to build what it landed.
        for room, task in ((3, "a run"), (150, "building")):
            disk.leave_free(room * MEGA)
            refused = shopthread("run")
            assert refused.returncode == 1, refused.stdout
            said = words(refused.stdout + refused.stderr)
            assert re.search(rf"[\d,]+ bytes free and {task}.* needs up to [\d,]+", said), said
            assert "Traceback" not in said
            served = shopthread("query", "select count(*) as orders from fct_orders", "-f", "json")
            assert served.returncode == 0, served.stderr
            assert "alarm" not in served.stderr
            assert shopthread.status()["published"]["version"] == 1
        disk.leave_free(2_000 * MEGA)
        healed = shopthread("run")
        assert healed.returncode == 0, healed.stdout + healed.stderr
        assert shopthread.status()["published"]["version"] == 2
        assert examine(shopthread.settings) == ()

        # The command that is told to mend a damaged version must not stumble over it.
        os.truncate(shopthread.settings.published_dir / "2" / "manifest.json", 10)
        mended = shopthread("publish")
        assert mended.returncode == 0, mended.stdout + mended.stderr
        assert "version 2 is damaged" in words(mended.stdout)
        facts = shopthread.status()
        assert (facts["published"]["version"], facts["alarms"]) == (3, [])
