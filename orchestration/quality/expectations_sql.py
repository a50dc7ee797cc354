"""Our five expectations, evaluated as one SQL statement each.

What Great Expectations cannot ask on DuckDB (patterns), asks wrongly (keys with NULLs
vanish in its join) or cannot say (a share with a tolerance for small tables, orphans,
a measure over several tables). The statements return counts only. `CountedRule` is pure
and testable without Great Expectations; its classes are made inside functions, because
importing it takes 7 to 10 seconds. Thresholds stand in the suites.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestration.quality.database import literal, quoted

TABLE_MARK = "{table}"
"""Stands for the judged table inside a measure."""

ROUNDING = 1e-9
"""Rows: a share times a count is not exact."""


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _KeyArguments(_Arguments):
    columns: list[str] = Field(min_length=1)


class _ShareArguments(_Arguments):
    condition: str = Field(min_length=1)
    max_share: float = Field(ge=0, le=1)
    or_rows: int = Field(default=0, ge=0)


class _OrphanArguments(_Arguments):
    columns: list[str] = Field(min_length=1)
    to_table: str = Field(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")
    to_columns: list[str] = Field(min_length=1)
    to_may_be_empty: bool = False
    max_share: float = Field(ge=0, le=1)
    or_rows: int = Field(default=0, ge=0)


class _MeasureArguments(_Arguments):
    measure: str = Field(min_length=1)
    min_value: float | None = None
    max_value: float | None = None


@dataclass(frozen=True)
class CountedRule:
    """One statement that returns (evaluated rows, unexpected rows, observed) and its limits.

    `compares` says which number is judged: the share of unexpected rows, or the observed
    measure. Limits are inclusive.
    """

    statement: str
    compares: Literal["share", "measure"]
    min_value: float | None = None
    max_value: float | None = None
    or_rows: int = 0

    def holds(self, evaluated: int | None, unexpected: int | None, observed: float | None) -> bool:
        """Judge what the statement returned.

        Raises ValueError when it returned no number: silence is not a pass.
        """
        if self.compares == "share":
            if evaluated is None or unexpected is None:
                raise ValueError("the statement returned no counts")
            allowed = max(float(self.or_rows), (self.max_value or 0.0) * evaluated)
            return unexpected <= allowed + ROUNDING
        if observed is None or math.isnan(observed):
            raise ValueError("the measure returned no number")
        return (self.min_value is None or observed >= self.min_value) and (
            self.max_value is None or observed <= self.max_value
        )


def counted_rule(expectation_type: str, kwargs: dict[str, Any], table: str) -> CountedRule:
    """Make the statement of one of our types about `table`, a quoted SQL name.

    Raises pydantic.ValidationError or ValueError when the arguments do not fit the type.
    """
    if expectation_type == "expect_key_to_be_unique":
        return _key_rule(_KeyArguments(**kwargs), table)
    if expectation_type == "expect_share_of_rows_to_be_at_most":
        share = _ShareArguments(**kwargs)
        return CountedRule(
            statement=(
                f"select (select count(*) from {table}), "
                f"(select count(*) from {table} as judged where ({share.condition})), null"
            ),
            compares="share",
            max_value=share.max_share,
            or_rows=share.or_rows,
        )
    if expectation_type == "expect_orphan_share_to_be_at_most":
        return _orphan_rule(_OrphanArguments(**kwargs), table)
    if expectation_type == "expect_measure_to_be_between":
        measure = _MeasureArguments(**kwargs)
        if measure.min_value is None and measure.max_value is None:
            raise ValueError("give min_value, max_value or both")
        return CountedRule(
            statement=f"select null, null, ({measure.measure.replace(TABLE_MARK, table)})",
            compares="measure",
            min_value=measure.min_value,
            max_value=measure.max_value,
        )
    raise ValueError(f"{expectation_type} is not one of ours")


def _key_rule(arguments: _KeyArguments, table: str) -> CountedRule:
    columns = [quoted(column) for column in arguments.columns]
    present = " and ".join(f"{column} is not null" for column in columns)
    return CountedRule(
        # A row with a NULL in its key counts as unexpected, like a repeated one.
        statement=(
            f"select (select count(*) from {table}), (select count(*) from {table}) - "
            f"(select count(*) from (select distinct {', '.join(columns)} from {table} "
            f"where {present})), null"
        ),
        compares="share",
        max_value=0.0,
    )


def _orphan_rule(arguments: _OrphanArguments, table: str) -> CountedRule:
    if len(arguments.columns) != len(arguments.to_columns):
        raise ValueError("columns and to_columns differ in number")
    own = [quoted(column) for column in arguments.columns]
    other = [quoted(column) for column in arguments.to_columns]
    present = " and ".join(f"{column} is not null" for column in own)
    same = " and ".join(
        f"judged.{mine} = known.{theirs}" for mine, theirs in zip(own, other, strict=True)
    )
    known = quoted(*arguments.to_table.split("."))
    # An entity that never landed has an empty contract: that is late, not orphaned.
    judged_at_all = f" and exists (select 1 from {known})" if arguments.to_may_be_empty else ""
    return CountedRule(
        statement=(
            f"select (select count(*) from {table} where {present}), "
            f"(select count(*) from {table} as judged where {present} and not exists "
            f"(select 1 from {known} as known where {same}){judged_at_all}), null"
        ),
        compares="share",
        max_value=arguments.max_share,
        or_rows=arguments.or_rows,
    )


def unexpected_condition(expectation_type: str, kwargs: dict[str, Any]) -> str | None:
    """SQL condition for the rows that break a row-by-row type, where we know to write it.

    Personal columns are asked with BOOLEAN_ONLY, which gives no counts; this counts them
    without any value leaving the database. None for types without a written condition.
    """
    column = kwargs.get("column")
    if not isinstance(column, str):
        return None
    name = quoted(column)
    conditions = {
        "expect_column_values_to_not_be_null": f"{name} is null",
        "expect_column_values_to_be_null": f"{name} is not null",
    }
    if isinstance(kwargs.get("pattern"), str):
        pattern = literal(kwargs["pattern"])
        conditions["expect_column_values_to_match_pattern"] = (
            f"not regexp_matches({name}, {pattern})"
        )
    value_set = kwargs.get("value_set")
    if isinstance(value_set, list) and value_set and all(map(_is_written, value_set)):
        values = ", ".join(_written(item) for item in value_set)
        conditions["expect_column_values_to_be_in_set"] = f"{name} not in ({values})"
        conditions["expect_column_values_to_not_be_in_set"] = f"{name} in ({values})"
    limits = [
        f"{name} {operator}{'=' if kwargs.get(f'strict_{side}') else ''} {_written(limit)}"
        for side, operator in (("min", "<"), ("max", ">"))
        if _is_written(limit := kwargs.get(f"{side}_value"))
    ]
    if limits:
        conditions["expect_column_values_to_be_between"] = " or ".join(limits)
    return conditions.get(expectation_type)


def _is_written(value: object) -> bool:
    """Whether an argument can be written into SQL as it is."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _written(value: Any) -> str:
    return literal(value) if isinstance(value, str) else repr(value)


def count_statement(conditions: Sequence[str], table: str) -> str:
    """One pass over `table`: its rows, then the rows of every condition."""
    counts = "".join(f", count(*) filter (where {condition})" for condition in conditions)
    return f"select count(*){counts} from {table}"


@cache
def register_own_expectations() -> tuple[str, ...]:
    """Make Great Expectations know our types; safe to call again. Returns their names."""
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.execution_engine.sqlalchemy_execution_engine import (
        SqlAlchemyExecutionEngine,
    )
    from great_expectations.expectations.expectation import (
        BatchExpectation,
        ColumnMapExpectation,
    )
    from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
        column_condition_partial,
    )
    from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
        ColumnMapMetricProvider,
    )
    from great_expectations.expectations.metrics.metric_provider import metric_value
    from great_expectations.expectations.metrics.table_metric_provider import (
        TableMetricProvider,
    )
    from sqlalchemy import func, text

    class ColumnValuesMatchPattern(ColumnMapMetricProvider):
        """DuckDB's own regular expressions; a value matches when the pattern is found in it."""

        condition_metric_name = "column_values.shopthread_match_pattern"
        condition_value_keys = ("pattern",)

        @column_condition_partial(engine=SqlAlchemyExecutionEngine)
        def _sqlalchemy(cls, column: Any, pattern: str, **_: Any) -> Any:  # noqa: N805
            return func.regexp_matches(column, pattern)

    class ExpectColumnValuesToMatchPattern(ColumnMapExpectation):
        """Expect every value to contain the pattern; write ^ and $ for the whole value."""

        map_metric = "column_values.shopthread_match_pattern"
        success_keys = ("pattern", "mostly")
        pattern: str

    class TableCounts(TableMetricProvider):
        """Runs one of our statements, which names its own tables."""

        metric_name = "table.shopthread_counts"
        value_keys = ("statement",)

        @metric_value(engine=SqlAlchemyExecutionEngine)
        def _sqlalchemy(
            cls,  # noqa: N805
            execution_engine: Any,
            metric_value_kwargs: dict[str, Any],
            **_: Any,
        ) -> Any:
            # A colon would be read as a bound parameter.
            statement = metric_value_kwargs["statement"].replace(":", "\\:")
            row = execution_engine.execute_query(text(statement)).fetchone()
            evaluated, unexpected, observed = row
            return (
                None if evaluated is None else int(evaluated),
                None if unexpected is None else int(unexpected),
                None if observed is None else float(observed),
            )

    class CountedExpectation(BatchExpectation):
        """What our four counted types share: a statement and its limits."""

        metric_dependencies = ("table.shopthread_counts",)
        domain_type = MetricDomainTypes.TABLE
        domain_keys = ("batch_id",)
        success_keys = ("statement", "compares", "min_value", "max_value", "or_rows")
        statement: str
        compares: str
        min_value: float | None = None
        max_value: float | None = None
        or_rows: int = 0

        def _validate(
            self,
            metrics: dict[str, Any],
            runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - its signature
            execution_engine: Any = None,  # noqa: ARG002 - its signature
        ) -> dict[str, Any]:
            evaluated, unexpected, observed = metrics["table.shopthread_counts"]
            rule = CountedRule(
                self.statement,
                "share" if self.compares == "share" else "measure",
                self.min_value,
                self.max_value,
                self.or_rows,
            )
            return {
                "success": rule.holds(evaluated, unexpected, observed),
                "result": {
                    "element_count": evaluated,
                    "unexpected_count": unexpected,
                    "observed_value": observed,
                },
            }

    class ExpectKeyToBeUnique(CountedExpectation):
        """Expect no two rows, and no row with a NULL, under one key."""

    class ExpectShareOfRowsToBeAtMost(CountedExpectation):
        """Expect the rows that fulfil a condition to be few."""

    class ExpectOrphanShareToBeAtMost(CountedExpectation):
        """Expect keys to be found in another table."""

    class ExpectMeasureToBeBetween(CountedExpectation):
        """Expect one number, asked in SQL, to lie within limits."""

    return tuple(
        made.__name__
        for made in (
            ExpectColumnValuesToMatchPattern,
            ExpectKeyToBeUnique,
            ExpectShareOfRowsToBeAtMost,
            ExpectOrphanShareToBeAtMost,
            ExpectMeasureToBeBetween,
        )
    )
