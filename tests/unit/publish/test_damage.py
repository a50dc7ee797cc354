"""Any byte of what is published may be damaged: no reader of ours gets a wrong answer silently.

Two whole versions, a byte flipped or a file cut in the newer one, and every way to read it.
Each read must give the right answer, an error, or the answer of the version before with an
alarm; and the examination that `shopthread doctor` runs must name the damage, also where no
read met it.
"""

import os
import random
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import (
    DamageWarning,
    PublishContext,
    PublishedStateError,
    PublishOptions,
    QueryError,
    checked_parquet,
    connect,
    current,
    examine,
    publish,
    query,
    versions,
)
from orchestration.publish.verification import differences
from orchestration.settings import Settings, load_settings

SEED = 20261125
FLIPS = {
    "2/analytics.duckdb": 70,
    "2/identified.duckdb": 30,
    "2/parquet": 35,
    "2/aggregate": 10,
    "2/manifest.json": 25,
    "2/manifest.sha256": 5,
    "current.json": 20,
    "current": 5,
}
CUTS = {
    "2/analytics.duckdb": 8,
    "2/identified.duckdb": 5,
    "2/parquet": 6,
    "2/aggregate": 2,
    "2/manifest.json": 4,
    "2/manifest.sha256": 1,
    "current.json": 4,
}
FEW_FLIPS = {name: 2 if name == "2/analytics.duckdb" else 1 for name in FLIPS}
FEW_CUTS = {"2/analytics.duckdb": 1, "2/manifest.json": 1, "current.json": 1}
STATE = ("current.json", "history.jsonl")

Answers = dict[str, object]


class Verdict(StrEnum):
    """What a read gave."""

    RIGHT = "right"
    EARLIER = "the version before, with an alarm"
    ERROR = "error"


@dataclass(frozen=True)
class Published:
    """A home with two whole versions, and what each of them answers."""

    settings: Settings
    answers: dict[int, dict[str, Answers]]

    @property
    def folder(self) -> Path:
        return self.settings.published_dir


@dataclass(frozen=True)
class Damaged:
    """One change to what is published; `offset` is the byte, or where the file ends now."""

    file: str
    kind: str
    offset: int


@pytest.fixture(scope="module")
def published(
    template: Path, tmp_path_factory: pytest.TempPathFactory, context: PublishContext
) -> Published:
    home = tmp_path_factory.mktemp("two") / "var"
    shutil.copytree(template, home)
    settings = load_settings({"SHOPTHREAD_HOME": str(home)})
    answers = {}
    for number in (1, 2):
        options = PublishOptions(verify=lambda building, _: differences_are_none(building))
        publish(
            settings,
            run_id=f"run-{number}",
            parent=number - 1 or None,
            context=context,
            options=options,
        )
        answers[number] = {name: read(settings).answers for name, read in READS.items()}
        with duckdb.connect(str(settings.warehouse_path)) as warehouse:
            warehouse.execute("update customer.dim_customer set order_count = order_count + 1")
            warehouse.execute("delete from commerce.orders_as_told where order_key = 'o1'")
            warehouse.execute("update kpi.kpi_daily set numerator = numerator + 1")
            warehouse.execute(
                "delete from customer.bridge_customer_identifier where customer_key = 'c3'"
            )
    for name in READS:
        assert answers[1][name] != answers[2][name], f"{name} cannot tell the versions apart"
    return Published(settings, answers)


def differences_are_none(building: Path) -> None:
    assert differences(building) == []


# -- reading ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What came back, of which version, and whether an alarm came with it."""

    version: int
    answers: Answers
    has_alarm: bool


def marts_by_query(settings: Settings) -> Read:
    names = [mart for mart in MARTS if not mart.startswith("quality")]
    sql = " union all ".join(
        f"select '{name}', count(*), sum(hash(row)::hugeint)::varchar from {name} as row"
        for name in names
    )
    with query(settings, sql) as result:
        rows: dict[str, object] = {str(name): (count, total) for name, count, total in result.rows}
        return Read(result.version.version, rows, result.alarm is not None)


def marts_by_connection(settings: Settings) -> Read:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        connection = connect(settings)
    has_alarm = any(item.category is DamageWarning for item in told)
    with connection:
        rows = {mart: connection.execute(f"from {mart} order by all").fetchall() for mart in MARTS}
    return Read(_told_version(settings), dict(rows), has_alarm)


def identifiers(settings: Settings) -> Read:
    sql = "select customer_key, identifier_value from identified.customer_identifier order by all"
    with query(settings, sql, personal=True) as result:
        return Read(result.version.version, {"rows": list(result.rows)}, result.alarm is not None)


def parquet(settings: Settings) -> Read:
    given = checked_parquet(settings, MARTS)
    found = {}
    for mart, path in given.paths.items():
        with duckdb.connect() as reader:
            found[mart] = reader.execute(f"from '{path}' order by all").fetchall()
    return Read(given.version.version, dict(found), given.alarm is not None)


def manifest(settings: Settings) -> Read:
    found = current(settings)
    assert found is not None
    return Read(found.version, {"manifest": found.manifest}, found.fell_back is not None)


READS: dict[str, Callable[[Settings], Read]] = {
    "query": marts_by_query,
    "connect": marts_by_connection,
    "identified": identifiers,
    "parquet": parquet,
    "manifest": manifest,
}
MARTS = (
    "commerce.dim_campaign",
    "commerce.fct_coupon_events",
    "commerce.fct_orders",
    "commerce.orders_as_told",
    "customer.bridge_customer_identifier",
    "customer.dim_customer",
    "journey.fct_touchpoints",
    "kpi.dim_kpi",
    "kpi.kpi_campaign",
    "kpi.kpi_daily",
    "kpi.kpi_unruled",
    "quality.catalog",
    "quality.dq_results",
)


def _told_version(settings: Settings) -> int:
    found = current(settings)
    assert found is not None
    return found.version


# -- damaging ---------------------------------------------------------------------------


def draw(published: Published, flips: dict[str, int], cuts: dict[str, int]) -> Iterator[Damaged]:
    """The same damage each time: half of the flips hit bytes that are not padding."""
    dice = random.Random(SEED)
    for kind, wanted in (("flip", flips), ("cut", cuts)):
        for place, times in wanted.items():
            for turn in range(times):
                name = _one_file(published, place, dice)
                content = _content(published.folder / name)
                offset = dice.randrange(len(content))
                if kind == "flip" and turn % 2:
                    offset = dice.choice([i for i, byte in enumerate(content) if byte])
                yield Damaged(name, kind, offset)


def _one_file(published: Published, place: str, dice: random.Random) -> str:
    path = published.folder / place
    if place.startswith("current") or not path.is_dir():
        return place
    files = sorted(found for found in path.rglob("*.parquet"))
    return dice.choice(files).relative_to(published.folder).as_posix()


def _content(path: Path) -> bytes:
    return str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()


@contextmanager
def damaged(published: Published, damage: Damaged) -> Iterator[None]:
    """Do it in place, so that hard-linked files share it; undo it afterwards."""
    path = published.folder / damage.file
    whole = _content(path)
    dice = random.Random(f"{SEED}{damage}")
    if damage.kind == "cut":
        changed = whole[: damage.offset]
    else:
        flipped = whole[damage.offset] ^ dice.randrange(1, 256)
        changed = whole[: damage.offset] + bytes([flipped]) + whole[damage.offset + 1 :]
    if path.is_symlink() and changed in {b"/", b"\0"}:
        changed = b"?"
    _put(path, changed)
    try:
        yield
    finally:
        _put(path, whole)


def _put(path: Path, content: bytes) -> None:
    if path.is_symlink() or (path.name == "current" and not path.exists()):
        path.unlink(missing_ok=True)
        path.symlink_to(os.fsdecode(content))
        return
    mode = path.stat().st_mode
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()
    path.chmod(mode)


@contextmanager
def state_restored(published: Published) -> Iterator[None]:
    """Take back what a fall-back wrote, so that each read meets the damage itself."""
    folder = published.folder
    kept = {name: (folder / name).read_bytes() for name in STATE}
    link = (folder / "current").readlink()
    try:
        yield
    finally:
        for name, content in kept.items():
            if (folder / name).read_bytes() != content:
                (folder / name).unlink()
                (folder / name).write_bytes(content)
        (folder / "current").unlink()
        (folder / "current").symlink_to(link)


def judge(published: Published, name: str) -> Verdict:
    """One read; anything but a right answer, an error or an alarm fails the test."""
    try:
        seen = READS[name](published.settings)
    except (PublishedStateError, QueryError, duckdb.Error):
        return Verdict.ERROR
    expected = published.answers.get(seen.version, {}).get(name)
    assert seen.answers == expected, f"a wrong answer of {name}"
    if seen.version == 2:
        return Verdict.RIGHT
    assert seen.has_alarm, f"{name} went back without an alarm"
    return Verdict.EARLIER


def seen_through(published: Published, damage: Damaged) -> Counter[tuple[str, Verdict]]:
    verdicts: Counter[tuple[str, Verdict]] = Counter()
    with damaged(published, damage):
        examined = [item.file for item in examine(published.settings)]
        # What is wrong with its digest is told of the manifest.
        assert damage.file.replace("manifest.sha256", "manifest.json") in examined, damage
        for name in READS:
            with state_restored(published):
                verdicts[name, judge(published, name)] += 1
    assert examine(published.settings) == (), f"{damage} was not undone"
    return verdicts


def judge_all(published: Published, drawn: Iterator[Damaged]) -> Counter[tuple[str, Verdict]]:
    verdicts: Counter[tuple[str, Verdict]] = Counter()
    for damage in drawn:
        try:
            verdicts += seen_through(published, damage)
        except AssertionError as error:
            raise AssertionError(f"{damage}: {error}") from error
    assert [found.version for found in versions(published.settings)] == [1, 2]
    return verdicts


def test_a_dozen_damaged_bytes_and_cut_files_give_no_wrong_answer(published: Published) -> None:
    verdicts = judge_all(published, draw(published, FEW_FLIPS, FEW_CUTS))
    times = sum(FEW_FLIPS.values()) + sum(FEW_CUTS.values())
    assert sum(verdicts.values()) == times * len(READS)
    assert {verdict for _, verdict in verdicts} == set(Verdict)


@pytest.mark.long
def test_two_hundred_flips_and_thirty_cuts_give_no_wrong_answer(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = judge_all(published, draw(published, FLIPS, CUTS))
    assert (sum(FLIPS.values()), sum(CUTS.values())) == (200, 30)
    assert sum(verdicts.values()) == 230 * len(READS)
    lines = [f"200 flips and 30 cuts, {230 * len(READS)} reads, 0 silent wrong answers"]
    lines += [
        f"  {name:10} " + ", ".join(f"{verdicts[name, verdict]} {verdict}" for verdict in Verdict)
        for name in READS
    ]
    lines.append(f"  Parquet read by a client that compares nothing: {unchecked(published)}")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


def unchecked(published: Published) -> str:
    """Why files are compared: how often DuckDB alone sees no flipped byte of Parquet."""
    silent = times = 0
    for damage in draw(published, {"2/parquet": FLIPS["2/parquet"]}, {}):
        path = published.folder / damage.file
        with duckdb.connect() as reader:
            whole = reader.execute(f"from '{path}' order by all").fetchall()
        with damaged(published, damage), suppress(duckdb.Error), duckdb.connect() as reader:
            silent += reader.execute(f"from '{path}' order by all").fetchall() != whole
        times += 1
    return f"{silent} of {times} flips are a wrong answer without an error"
