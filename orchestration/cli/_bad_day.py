"""A corrupted day for the demo, made from a good one, and the good one for its repair.

Files only: the day's rows come from what the source delivered before, and the result is
dropped into the inbox as any delivery is. Running and telling belong to `demo`.
"""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.cli._outcome import CommandError
from orchestration.quiet_duckdb import open_duckdb
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from orchestration.sources.config import EntityConfig, SourceConfig

SOURCE = "complete_journey"
ENTITY = "transactions"

MISSING_SHARE = 0.3
_CUT_AT = 0.6
_NOTE = "bad-day.json"
_SET_ASIDE = ".before-bad-day"


class Kind(StrEnum):
    """What is wrong with the day."""

    NULLS = "nulls"
    RENAMED = "renamed"
    TRUNCATED = "truncated"

    @property
    def sentence(self) -> str:
        """What went wrong on the way, as a data engineer would find out later."""
        return {
            Kind.NULLS: f"{MISSING_SHARE:.0%} of the lines lost their card number",
            Kind.RENAMED: "the column sales_value is called net_sales since an update",
            Kind.TRUNCATED: f"the transfer broke off after {_CUT_AT:.0%} of the file",
        }[self]


@dataclass(frozen=True)
class BadDay:
    """A corrupted delivery that lies in the inbox."""

    day: date
    kind: Kind
    path: Path
    rows: int


def declared(settings: Settings) -> "tuple[SourceConfig, EntityConfig]":
    """The source and entity whose day is corrupted."""
    from orchestration.sources.config import load_source

    source = load_source(settings.sources_dir / SOURCE / "defs.yaml")
    return source, source.entity(ENTITY)


def deliver_bad_day(settings: Settings, day: date, kind: Kind) -> BadDay:
    """Drop a corrupted copy of a day into the inbox. A good delivery there is set aside."""
    target = _target(settings, day)
    target.parent.mkdir(parents=True, exist_ok=True)
    noted = delivered(settings)
    if noted is not None and noted.path != target:
        raise CommandError(
            f"{noted.day} is still corrupted; run `shopthread demo bad-day --repair` first"
        )
    aside = _aside(target)
    if target.exists() and (noted is None or noted.path != target):
        target.replace(aside)
    temporary = target.with_suffix(".tmp")
    with open_duckdb() as connection:
        rows = _write_day(connection, settings, day, temporary, kind)
    if kind is Kind.TRUNCATED:
        whole = temporary.read_bytes()
        temporary.write_bytes(whole[: int(len(whole) * _CUT_AT)])
    temporary.replace(target)
    note = {"day": day.isoformat(), "kind": kind.value, "path": str(target), "rows": rows}
    _note_path(settings).write_text(json.dumps(note), "utf-8")
    return BadDay(day, kind, target, rows)


def delivered(settings: Settings) -> BadDay | None:
    """The corrupted delivery that waits for its repair, if there is one."""
    try:
        note = json.loads(_note_path(settings).read_text("utf-8"))
        return BadDay(
            date.fromisoformat(note["day"]), Kind(note["kind"]), Path(note["path"]), note["rows"]
        )
    except (OSError, ValueError, KeyError):
        return None


def deliver_good_day(settings: Settings, bad: BadDay) -> int:
    """Replace the corrupted delivery by the good one. Returns its rows."""
    aside = _aside(bad.path)
    if aside.exists():
        aside.replace(bad.path)
        with open_duckdb() as connection:
            row = connection.execute(
                "select count(*) from read_parquet($path)", {"path": str(bad.path)}
            ).fetchone()
        rows = int(row[0]) if row else 0
    else:
        temporary = bad.path.with_suffix(".tmp")
        with open_duckdb() as connection:
            rows = _write_day(connection, settings, bad.day, temporary, None)
        temporary.replace(bad.path)
    _note_path(settings).unlink(missing_ok=True)
    return rows


def _write_day(
    connection: "duckdb.DuckDBPyConnection",
    settings: Settings,
    day: date,
    target: Path,
    kind: Kind | None,
) -> int:
    source, entity = declared(settings)
    changed = {
        Kind.NULLS: "* replace (case when hash(basket_id, product_id) % 100 < "
        f"{MISSING_SHARE * 100:.0f} then null else household_id end as household_id)",
        Kind.RENAMED: "* rename (sales_value as net_sales)",
    }
    columns = "*" if kind is None else changed.get(kind, "*")
    local_day = (
        f"cast(timezone('{source.time_zone}', timezone('UTC', {entity.event_column})) as date)"
    )
    origin = _origin(settings, day)
    connection.execute(
        f"create temp view day_lines as select {columns} from read_parquet('{_quoted(origin)}')"
        f" where {local_day} = date '{day.isoformat()}'"
    )
    connection.execute(f"copy day_lines to '{_quoted(target)}' (format parquet)")
    row = connection.execute("select count(*) from day_lines").fetchone()
    return int(row[0]) if row else 0


def _origin(settings: Settings, day: date) -> Path:
    """The good rows of the day: a delivery that was set aside, else the source's base file."""
    aside = _aside(_target(settings, day))
    if aside.exists():
        return aside
    from orchestration.sources.files import FileReader

    reader = FileReader(SOURCE, ENTITY, settings.panel_files(), settings.inbox_dir)
    base = reader.base_file()
    if base is None:
        raise FileNotFoundError(f"{SOURCE} has no base file of {ENTITY}")
    return base.path


def _target(settings: Settings, day: date) -> Path:
    return settings.inbox_dir / SOURCE / ENTITY / f"{day.isoformat()}.parquet"


def _aside(target: Path) -> Path:
    return target.with_name(target.name + _SET_ASIDE)


def _note_path(settings: Settings) -> Path:
    return settings.inbox_dir / _NOTE


def _quoted(path: Path) -> str:
    return path.as_posix().replace("'", "''")
