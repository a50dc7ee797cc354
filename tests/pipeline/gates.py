"""The gates that tests close: one of each engine in each layer, and the ways to close them.

A gate is closed by what a project says (a suite, a dbt test) or by what the warehouse lacks,
never by a made-up answer. What must follow from that stands in the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.pipeline.worlds import World, edit

NO_EXPECTATIONS = "no_expectations"
RAISES = "raises"
TABLE_IS_MISSING = "table_is_missing"

_IMPOSSIBLE = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1_000_000_000},
    "severity": "critical",
    "meta": {"because": "a test wants this gate closed, since 2026-11"},
}
_RAISING = {
    "type": "expect_share_of_rows_to_be_at_most",
    "name": "rows_by_a_function_that_is_not_there",
    "kwargs": {"condition": "no_such_function(1)", "max_share": 0.5},
    "severity": "critical",
    "meta": {"because": "a test wants an engine error, since 2026-11"},
}
_DBT_TEST = "assert_this_gate_is_closed"


@dataclass(frozen=True)
class Gate:
    """A gate that a test closes: where it stands and what lies behind it."""

    engine: str
    layer: str
    asset: str
    behind: str
    """An asset that reads it and belongs to another op, for a run of nothing else."""

    def __str__(self) -> str:
        return f"{self.engine}-{self.layer}-{self.table}"

    @property
    def table(self) -> str:
        return self.asset.split("/")[-1]

    @property
    def check(self) -> str:
        """`asset / check`, as the guard names it."""
        if self.engine == "dbt":
            return f"{self.asset} / {_DBT_TEST}"
        return f"{self.asset} / {'contract' if self.layer == 'landing' else 'expectations'}"

    @property
    def environment(self) -> dict[str, str]:
        """Settings under which it closes: a refused batch stops nothing by default."""
        if self.layer != "landing":
            return {}
        return {"SHOPTHREAD_BLOCK_ON_BAD_BATCH": self.asset.removeprefix("landing/")}

    def close(self, project: Path) -> None:
        """Break the project so that this gate, and only it, fails."""
        if self.engine == "dbt":
            self._write_test(project, f"select 1 as broken from {{{{ ref('{self.table}') }}}}")
        else:
            self._edit_suite(project, lambda suite: suite["expectations"].append(_IMPOSSIBLE))

    def keep_from_running(self, project: Path, world: World, fault: str) -> None:
        """Break project or warehouse so that this gate has no answer."""
        if self.engine == "dbt":
            self._write_test(
                project, f"select no_such_function(1) from {{{{ ref('{self.table}') }}}}"
            )
        elif fault == NO_EXPECTATIONS:
            self._edit_suite(project, _empty)
        elif fault == RAISES:
            self._edit_suite(project, lambda suite: suite["expectations"].append(_RAISING))
        elif self.layer == "landing":
            path, document = self._suite_file(project)
            del document["tables"][self.table]
            _write(path, document)
        else:
            schema = self.asset.split("/")[-2]
            with duckdb.connect(str(world.settings.warehouse_path)) as connection:
                is_view = connection.execute(
                    "select 1 from duckdb_views() where schema_name = ? and view_name = ?",
                    [schema, self.table],
                ).fetchone()
                kind = "view" if is_view else "table"
                connection.execute(f"drop {kind} {schema}.{self.table}")

    def _write_test(self, project: Path, sql: str) -> None:
        path = project / "dbt_project" / "tests" / f"{_DBT_TEST}.sql"
        path.write_text(f"{sql} limit 1\n", "utf-8")

    def _edit_suite(self, project: Path, change: Callable[[dict[str, Any]], object]) -> None:
        path, document = self._suite_file(project)
        change(document["tables"][self.table])
        _write(path, document)

    def _suite_file(self, project: Path) -> tuple[Path, Any]:
        for path in sorted((project / "expectations").rglob("*.yaml")):
            document = yaml.safe_load(path.read_text("utf-8"))
            is_contract = path.parent.name == "landing"
            if is_contract is (self.layer == "landing") and self.table in document["tables"]:
                return path, document
        raise AssertionError(f"no suite for {self.asset}")


def _empty(suite: dict[str, Any]) -> None:
    for part in ("key", "volume", "columns"):
        suite.pop(part, None)
    suite["expectations"] = []
    suite["no_key"] = {"because": "a test asks nothing of this table, since 2026-11"}


def _write(path: Path, document: object) -> None:
    edit(path, lambda _: yaml.safe_dump(document, sort_keys=False, width=1000))


LANDING = Gate(
    "gx",
    "landing",
    "landing/complete_journey/demographics",
    "adapters/src_complete_journey__demographics",
)
ADAPTER = Gate("dbt", "staging", "adapters/src_complete_journey__products", "commerce/dim_product")


def _both(layer: str, asset: str, behind: str) -> dict[str, Gate]:
    return {engine: Gate(engine, layer, asset, behind) for engine in ("gx", "dbt")}


STAGING = _both(
    "staging", "staging/stg_pos__transactions", "int_identity/int_identity__observations"
)
IDENTITY = _both(
    "int_identity", "int_identity/int_identity__customer_keys", "int_journey/int_journey__orders"
)
JOURNEY = _both("int_journey", "int_journey/int_touchpoints__unioned", "journey/fct_touchpoints")
MARTS = _both("marts", "commerce/fct_orders", "kpi/kpi_daily")
KPI = _both("kpi", "kpi/kpi_daily", "quality/dq_results")

LAYERS = (STAGING, IDENTITY, JOURNEY, MARTS, KPI)
GATES = [LANDING, ADAPTER, *(gate for layer in LAYERS for gate in layer.values())]

_ORDER = ("landing", "staging", "int_identity", "int_journey", "marts", "kpi", "quality", "publish")
_LAYER_OF_FOLDER = {"adapters": "staging", "reference": "staging"}


def behind(layer: str, materialised: frozenset[str]) -> set[str]:
    """Which materialised assets lie behind a layer's gate."""
    border = _ORDER.index(layer)
    return {name for name in materialised if _ORDER.index(_layer_of(name)) > border}


def _layer_of(asset: str) -> str:
    folder, name = asset.split("/", maxsplit=1)[0], asset.rsplit("/", maxsplit=1)[-1]
    folder = _LAYER_OF_FOLDER.get(folder, folder)
    if folder in _ORDER and folder not in {"marts", "kpi"}:
        return folder
    return "kpi" if name.startswith(("kpi_", "mart_")) else "marts"
