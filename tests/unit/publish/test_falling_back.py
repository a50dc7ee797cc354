"""Leaving a damaged version: where readers go, what is told, and what the next publish does."""

import dataclasses
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    DamagedError,
    DamageWarning,
    Depth,
    FencedError,
    NoWholeVersionError,
    Outcome,
    PublishContext,
    PublishedStateError,
    PublishOptions,
    PublishResult,
    QueryError,
    UnknownVersionError,
    checked_parquet,
    connect,
    current,
    damage_of,
    examine,
    fall_back,
    history,
    opened,
    publish,
    query,
    rollback,
    versions,
)
from orchestration.settings import Settings, load_settings
from tests.unit.publish.conftest import flip

NOTICED = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
# Reads every value: a plain count is answered from statistics.
COUNT = "select len(list(kpi_key)) from dim_kpi"


@pytest.fixture(scope="module")
def three_versions(
    tiny_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    context: PublishContext,
    options: PublishOptions,
) -> Path:
    """A home with three versions of one small mart, of 3, 4 and 5 rows; copied, never used itself."""
    home = tmp_path_factory.mktemp("three") / "var"
    shutil.copytree(tiny_template, home)
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    for number in (1, 2, 3):
        publish_next(settings, context, options, number - 1 or None)
        add_row(settings)
    return home


@pytest.fixture
def settings(three_versions: Path, tmp_path: Path) -> Settings:
    home = tmp_path / "var"
    shutil.copytree(three_versions, home, symlinks=True)
    return load_settings({"SHOPTHREAD_HOME": str(home)})


@pytest.fixture
def publish_on(
    settings: Settings, context: PublishContext, options: PublishOptions
) -> Callable[[int | None], PublishResult]:
    return lambda parent: publish_next(settings, context, options, parent)


def publish_next(
    settings: Settings, context: PublishContext, options: PublishOptions, parent: int | None
) -> PublishResult:
    kept = dataclasses.replace(options, keep=9)
    return publish(settings, run_id=f"on-{parent}", parent=parent, context=context, options=kept)


def add_row(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("insert into kpi.dim_kpi values ('another')")


def file(settings: Settings, number: int, name: str = "analytics.duckdb") -> Path:
    return settings.published_dir / str(number) / name


def pointed(settings: Settings) -> int:
    number = json.loads((settings.published_dir / "current.json").read_text())["version"]
    assert (settings.published_dir / "current").readlink() == Path(str(number))
    return int(number)


def test_readers_go_to_the_newest_earlier_whole_version_and_nothing_is_removed(
    settings: Settings,
) -> None:
    flip(file(settings, 3), 300)
    flip(file(settings, 2, "parquet/kpi/dim_kpi.parquet"), 40)
    before = sorted(settings.published_dir.rglob("*"))
    fallen = fall_back(settings, at=NOTICED)
    assert fallen is not None
    assert (fallen.damaged_version, fallen.to_version) == (3, 1)
    assert fallen.damage == ("3/analytics.duckdb does not have the SHA-256 of its manifest",)
    assert pointed(settings) == 1
    assert sorted(settings.published_dir.rglob("*")) == before
    told = history(settings)[-1]
    assert (told["event"], told["from"], told["to"]) == ("fell_back", 3, 1)
    assert told["damage"] == list(fallen.damage)
    assert told["at"] == "2026-11-25T18:00:00+00:00"
    now = current(settings)
    assert now is not None
    assert now.fell_back == fallen
    assert fall_back(settings) is None, "one alarm, one move"
    assert len(history(settings)) == 7


def test_a_whole_version_is_left_alone(settings: Settings) -> None:
    before = (settings.published_dir / "current.json").read_bytes()
    assert fall_back(settings) is None
    assert (settings.published_dir / "current.json").read_bytes() == before
    assert examine(settings) == ()


def test_sizes_find_what_is_gone_or_cut_and_digests_find_a_byte(settings: Settings) -> None:
    folder = settings.published_dir / "3"
    assert damage_of(folder) == ()
    flip(file(settings, 3, "identified.duckdb"), 5_000)
    assert damage_of(folder, Depth.SIZES) == ()
    assert [item.file for item in damage_of(folder)] == ["3/identified.duckdb"]
    os.truncate(file(settings, 3), 100)
    file(settings, 3, "parquet/kpi/dim_kpi.parquet").unlink()
    assert [str(item) for item in damage_of(folder, Depth.SIZES)] == [
        f"3/analytics.duckdb has 100 bytes, the manifest says {size_told(settings):,}",
        "3/parquet/kpi/dim_kpi.parquet cannot be read (FileNotFoundError)",
    ]
    flip(file(settings, 3, "manifest.json"), 30)
    (found,) = damage_of(folder, Depth.SIZES)
    assert str(found) == "3/manifest.json is missing or not what was written"


def size_told(settings: Settings) -> int:
    text = json.loads(file(settings, 3, "manifest.json").read_text())
    return int(text["files"]["analytics.duckdb"]["bytes"])


def test_the_next_publish_stands_on_the_whole_version_and_ends_the_alarm(
    settings: Settings, publish_on: Callable[[int | None], PublishResult]
) -> None:
    flip(file(settings, 3), 300)
    result = publish_on(3)
    assert (result.outcome, result.version) == (Outcome.PUBLISHED, 4)
    assert result.published.manifest.parent == 2
    assert result.fell_back is not None
    assert result.fell_back.damaged_version == 3
    assert any("version 3 is damaged" in reason for reason in result.reasons)
    assert "because version 3 is damaged" in result.message
    assert pointed(settings) == 4
    now = current(settings)
    assert now is not None
    assert now.fell_back is None
    assert publish_on(4).outcome is Outcome.UNCHANGED


def test_a_new_version_is_made_after_a_fall_back_even_if_no_mart_differs_from_the_whole_one(
    settings: Settings, publish_on: Callable[[int | None], PublishResult]
) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("delete from kpi.dim_kpi where kpi_key = 'another'")
        warehouse.execute("insert into kpi.dim_kpi values ('another')")
    flip(file(settings, 3), 300)
    fall_back(settings)
    result = publish_on(2)
    assert (result.changed, result.unchanged) == ((), ("kpi.dim_kpi",))
    assert result.version == 4
    linked = file(settings, 4, "parquet/kpi/dim_kpi.parquet")
    assert linked.samefile(file(settings, 2, "parquet/kpi/dim_kpi.parquet"))
    assert not linked.samefile(file(settings, 3, "parquet/kpi/dim_kpi.parquet"))


def test_parquet_is_never_shared_with_a_damaged_version(
    settings: Settings,
    publish_on: Callable[[int | None], PublishResult],
    context: PublishContext,
    options: PublishOptions,
) -> None:
    damaged = file(settings, 3, "parquet/kpi/dim_kpi.parquet")
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("delete from kpi.dim_kpi")
        warehouse.execute(
            "insert into kpi.dim_kpi select kpi_key from read_parquet(?)", [str(damaged)]
        )
    assert publish_on(3).outcome is Outcome.UNCHANGED, "the marts equal those of version 3"
    for number in (1, 2, 3):
        flip(file(settings, number, "parquet/kpi/dim_kpi.parquet"), 40)
    with pytest.raises(NoWholeVersionError):
        fall_back(settings)
    assert pointed(settings) == 3
    result = publish_next(settings, context, options, 3)
    assert (result.version, result.published.manifest.parent) == (4, 3)
    assert "no earlier version in" in result.reasons[0]
    fresh = file(settings, 4, "parquet/kpi/dim_kpi.parquet")
    assert not any(
        fresh.samefile(file(settings, number, "parquet/kpi/dim_kpi.parquet"))
        for number in (1, 2, 3)
    )
    assert damage_of(settings.published_dir / "4") == ()


def test_a_run_is_not_fenced_because_its_parent_was_left_but_because_somebody_rolled_back(
    settings: Settings, publish_on: Callable[[int | None], PublishResult]
) -> None:
    flip(file(settings, 3), 300)
    with pytest.warns(DamageWarning, match="version 3 is damaged"), connect(settings):
        pass
    flip(file(settings, 2), 300)
    fall_back(settings)
    assert pointed(settings) == 1
    rolled_over = publish_on(3)
    assert (rolled_over.version, rolled_over.published.manifest.parent) == (4, 1)
    add_row(settings)
    rollback(settings, 1)
    with pytest.raises(FencedError, match="version 1 is current"):
        publish_on(4)


def test_readers_never_go_forward_to_what_somebody_rolled_back_from(settings: Settings) -> None:
    rollback(settings, 1, reason="2 and 3 have wrong prices")
    flip(file(settings, 1), 300)
    with pytest.raises(NoWholeVersionError, match=r"no earlier version in .* The pointer stays"):
        fall_back(settings)
    assert pointed(settings) == 1
    with pytest.raises(NoWholeVersionError), query(settings, COUNT):
        pass


def test_a_query_answers_from_the_whole_version_with_an_alarm(settings: Settings) -> None:
    damage_rows(file(settings, 3))
    with query(settings, COUNT) as result:
        assert (list(result.rows), result.version.version) == ([(4,)], 2)
        assert result.alarm is not None
        assert "version 3 is damaged" in result.alarm
        assert "version 2 is served instead" in result.alarm
    assert pointed(settings) == 2
    with query(settings, COUNT) as later:
        assert later.alarm == result.alarm, "every later reader is told as well"
    with pytest.raises(DamagedError, match=r"version 3 is damaged .* Ask the current version"):
        ask_version(settings, 3)
    flip(file(settings, 3), 3 * 4096)
    with pytest.raises(DamagedError, match=r"version 3 is damaged .* Ask the current version"):
        connect(settings, version=3)


def ask_version(settings: Settings, number: int) -> None:
    with query(settings, COUNT, version=number) as result:
        list(result.rows)


def damage_rows(path: Path) -> None:
    """Change the block that holds the mart's rows: the file opens and fails when it is read."""
    headers, block = 3 * 4096, 262_144
    for offset in range(headers + 100, path.stat().st_size, block):
        flip(path, offset)
        with suppress(duckdb.Error), duckdb.connect(str(path), read_only=True) as reader:
            try:
                reader.execute(COUNT).fetchall()
            except duckdb.Error:
                return
        flip(path, offset)
    raise AssertionError(f"no block of {path} holds rows alone")


def test_a_wrong_query_is_no_reason_to_leave_a_version(settings: Settings) -> None:
    flip(file(settings, 3, "parquet/kpi/dim_kpi.parquet"), 40)
    with (
        pytest.raises(QueryError, match="version 3 refused the query"),
        query(settings, "select x"),
    ):
        pass
    assert pointed(settings) == 3


def test_damage_met_inside_a_block_says_where_readers_are_now(settings: Settings) -> None:
    damage_rows(file(settings, 3))
    with pytest.raises(DamagedError) as met, opened(settings) as reading:
        reading.connection.execute(COUNT).fetchall()
    assert "drop what was read of it. Ask again: version 2 answers now" in str(met.value)
    assert pointed(settings) == 2


def test_parquet_files_are_given_only_after_their_bytes_were_compared(settings: Settings) -> None:
    assert checked_parquet(settings, ["kpi.dim_kpi"]).version.version == 3
    flip(file(settings, 3, "parquet/kpi/dim_kpi.parquet"), 40)
    given = checked_parquet(settings, ["kpi.dim_kpi"])
    assert given.paths == {"kpi.dim_kpi": file(settings, 2, "parquet/kpi/dim_kpi.parquet")}
    assert given.alarm is not None
    with pytest.raises(PublishedStateError, match=r"has no mart kpi\.another"):
        checked_parquet(settings, ["kpi.another"])


@pytest.mark.parametrize("spoil", ["flip", "cut", "remove"])
def test_a_damaged_pointer_is_written_again_from_its_witnesses(
    settings: Settings, spoil: str
) -> None:
    rollback(settings, 2)
    pointer = settings.published_dir / "current.json"
    match spoil:
        case "flip":
            flip(pointer, pointer.read_text().index("2"), bit=1)
        case "cut":
            os.truncate(pointer, 20)
        case "remove":
            pointer.unlink()
    with pytest.raises(DamagedError, match="is damaged or is not a pointer"):
        current(settings)
    with query(settings, COUNT) as result:
        assert (list(result.rows), result.version.version) == ([(4,)], 2)
        assert "the pointer was damaged" in (result.alarm or "")
    assert history(settings)[-1]["event"] == "pointer_repaired"
    assert pointed(settings) == 2


def test_without_a_link_the_history_says_what_the_pointer_named(settings: Settings) -> None:
    rollback(settings, 2)
    (settings.published_dir / "current").unlink()
    os.truncate(settings.published_dir / "current.json", 0)
    fall_back(settings)
    assert pointed(settings) == 2
    (settings.published_dir / "current").unlink()
    (settings.published_dir / "history.jsonl").unlink()
    os.truncate(settings.published_dir / "current.json", 0)
    fall_back(settings)
    assert pointed(settings) == 3, "the newest, when nobody knows"


def test_a_pointer_written_by_hand_serves_its_version(settings: Settings) -> None:
    pointer = settings.published_dir / "current.json"
    pointer.unlink()
    pointer.write_text('{"version": 1}')
    with query(settings, COUNT) as result:
        assert (list(result.rows), result.alarm) == ([(3,)], None)
    pointer.write_text('{"version": 1, "run_id": "somebody"}')
    with pytest.raises(DamagedError):
        current(settings)


def test_a_rollback_compares_every_byte_and_leaves_a_version_that_cannot_be_read(
    settings: Settings,
) -> None:
    flip(file(settings, 2), 300)
    with pytest.raises(UnknownVersionError, match=r"version 2 is not whole: 2/analytics\.duckdb"):
        rollback(settings, 2)
    with pytest.raises(UnknownVersionError, match="version 2 is not whole"):
        rollback(settings)
    os.truncate(file(settings, 3, "manifest.json"), 10)
    with pytest.raises(DamagedError, match="shopthread rollback <version>"):
        rollback(settings)
    assert [found.version for found in versions(settings)] == [1, 2]
    assert rollback(settings, 1).version == 1
    assert pointed(settings) == 1


def test_a_rollback_keeps_the_alarm_unless_it_goes_to_the_repaired_version(
    settings: Settings,
) -> None:
    whole = file(settings, 3).read_bytes()
    flip(file(settings, 3), 300)
    fall_back(settings)
    assert rollback(settings, 1).fell_back is not None
    file(settings, 3).chmod(0o600)
    file(settings, 3).write_bytes(whole)
    assert rollback(settings, 3).fell_back is None


def test_a_damaged_line_of_the_history_makes_no_version_a_leftover(
    settings: Settings, publish_on: Callable[[int | None], PublishResult]
) -> None:
    path = settings.published_dir / "history.jsonl"
    lines = [
        line for line in path.read_text().splitlines() if '"published", "version": 2' not in line
    ]
    assert len(lines) == 5
    path.write_text("\n".join(lines) + "\n")
    publish_on(3)
    assert [found.version for found in versions(settings)] == [1, 2, 3, 4]


@pytest.fixture
def shared(settings: Settings) -> Iterator[Settings]:
    """The same home where another user of the same group can reach it, and read only."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user: nothing is proved about rights here")
    folder = Path(tempfile.mkdtemp(prefix="shopthread-shared-"))
    folder.chmod(0o750)
    home = folder / "var"
    shutil.copytree(settings.home, home, symlinks=True)
    home.chmod(0o750)
    yield load_settings({"SHOPTHREAD_HOME": str(home)})
    shutil.rmtree(folder)


def test_who_may_not_move_the_pointer_reads_the_whole_version_alone(shared: Settings) -> None:
    damage_rows(file(shared, 3))
    before = (shared.published_dir / "current.json").read_bytes()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        rows, number, alarm = pool.apply(as_nobody, (shared,))
    assert (rows, number) == ([(4,)], 2)
    assert "version 3 is damaged" in alarm
    assert (shared.published_dir / "current.json").read_bytes() == before
    assert history(shared)[-1]["event"] == "published"


def as_nobody(settings: Settings) -> tuple[list[tuple[object, ...]], int, str]:
    os.setgroups([])
    os.setuid(65534)
    with query(settings, COUNT) as result:
        return list(result.rows), result.version.version, str(result.alarm)
