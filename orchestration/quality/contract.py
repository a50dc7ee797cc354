"""What a contract says about a whole table, before any expectation is asked.

Columns are compared by name first; a table whose columns differ is not asked anything
else. Nullability, key and volume of the contract become expectations like the written
ones. Rows that a contract sets aside belong to landing.
"""

from collections import Counter
from collections.abc import Sequence

from orchestration.quality.suites import Expectation, Layout, Reason, TableSuite

_CONTRACT = "part of the contract's header (2026-11)"


def compare_columns(
    expected: dict[str, str], delivered: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """Compare delivered (name, DuckDB type) pairs with the contract, by name.

    Order does not matter. Returns one sentence per kind of difference; empty when there
    is none. Only names and types appear in it.
    """
    names = [name for name, _ in delivered]
    counts = Counter(name.lower() for name in names)
    differences = []
    missing = [name for name in expected if name not in names]
    if missing:
        differences.append(f"missing: {', '.join(missing)}")
    unexpected = sorted({name for name in names if name not in expected})
    if unexpected:
        differences.append(f"unexpected: {', '.join(unexpected)}")
    duplicated = sorted(name for name, count in counts.items() if count > 1)
    if duplicated:
        differences.append(f"duplicated: {', '.join(duplicated)}")
    wrong = [
        f"{name} is {actual} instead of {expected[name]}"
        for name, actual in delivered
        if name in expected and actual.replace(" ", "") != expected[name]
    ]
    if wrong:
        differences.append(f"wrong type: {', '.join(dict.fromkeys(wrong))}")
    return tuple(differences)


def contract_expectations(suite: TableSuite, layout: Layout) -> tuple[Expectation, ...]:
    """Nullability, key and volume of the header as critical expectations."""
    names = suite.column_names(layout)
    reason = Reason(because=_CONTRACT)
    made = [
        Expectation(
            type="expect_column_values_to_not_be_null",
            kwargs={"column": names[name]},
            severity="critical",
            meta=reason,
        )
        for name, column in suite.columns.items()
        if not column.nullable
    ]
    if suite.key:
        made.append(
            Expectation(
                type="expect_key_to_be_unique",
                kwargs={"columns": [names.get(name, name) for name in suite.key]},
                severity="critical",
                meta=Reason(because=f"grain: {suite.grain} (2026-11)"),
            )
        )
    if suite.volume is not None:
        made.append(
            Expectation(
                type="expect_table_row_count_to_be_between",
                kwargs={"min_value": suite.volume.min_rows, "max_value": suite.volume.max_rows},
                severity=suite.volume.severity,
                meta=suite.volume.meta,
            )
        )
    return tuple(made)
