"""Phase `publish`: publish of the built warehouse against plain copies of the same schemas.

Publishing also hashes each mart, writes Parquet, aggregates and the file of identifiers, and
lets a second process count again; the copies do none of it. `copy from database` takes a whole
database, so it is given the published file, in which views are tables already.
"""

from pathlib import Path

from bench.harness import Candidate, Comparison, compare, cpu_ratio, python
from bench.record import PhaseResult, of_outcome
from bench.worlds import Worlds, lend, published_file
from orchestration.publish.hashes import table_hashes

PUBLISH = "publish"
COPY_MARTS = "create table as, each mart"
COPY_DATABASE = "copy from database"


def publish(worlds: Worlds, rounds: int) -> PhaseResult:
    """The panel's warehouse becomes a first version."""
    finished, world = worlds.panel_home(), worlds.panel
    warehouse = world.settings(finished).warehouse_path
    published = published_file(world.settings(finished))

    def work(*arguments: str) -> list[str]:
        return python("bench.work", "--place", *arguments)

    comparison = Comparison(
        "publish",
        (
            Candidate(
                PUBLISH,
                command=lambda place: work(str(place), "publish"),
                environment=lambda place: world.environment(place / "home"),
                prepare=lambda place: lend(finished, place / "home", "landing", "warehouse"),
                answer=lambda place: _marts(published_file(world.settings(place / "home"))),
                measured_inside=True,
            ),
            Candidate(
                COPY_MARTS,
                command=lambda place: work(str(place), "copy-marts", str(warehouse)),
                environment=lambda _place: world.environment(finished),
                answer=lambda place: _marts(place / "marts.duckdb"),
                measured_inside=True,
            ),
            Candidate(
                COPY_DATABASE,
                command=lambda place: work(str(place), "copy-database", str(published)),
                answer=lambda place: _marts(place / "marts.duckdb"),
                measured_inside=True,
            ),
        ),
        (
            cpu_ratio(f"{PUBLISH} / {COPY_MARTS}", PUBLISH, COPY_MARTS),
            cpu_ratio(f"{PUBLISH} / {COPY_DATABASE}", PUBLISH, COPY_DATABASE),
        ),
        reads=(warehouse, published),
    )
    names = (PUBLISH, COPY_MARTS, COPY_DATABASE)
    return of_outcome("publish", names, compare(comparison, rounds, worlds.scratch))


def _marts(database: Path) -> dict[str, object]:
    """Every published table, those of quality included: all sides read one warehouse."""
    return dict(table_hashes(database))
