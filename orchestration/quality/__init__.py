"""Judge a table with a suite of `expectations/`: passed, failed or could not run.

`suites` reads the files, `contract` compares columns by name, `dialect` and
`expectations_sql` let Great Expectations ask DuckDB, `by_day` counts each day of a range, `database` opens the file behind
bars, `runner` asks and answers. No suite and no threshold is written here, nothing is
moved to quarantine here, and Dagster is not known here. Great Expectations (7 to 10
seconds to import) and SQLAlchemy are imported inside functions only.
"""

from orchestration.quality.by_day import Days
from orchestration.quality.contract import compare_columns
from orchestration.quality.outcomes import ExpectationResult, Outcome, SuiteVerdict
from orchestration.quality.runner import TableCheck, check_database, run_suite, run_suite_on_files
from orchestration.quality.suites import (
    Layout,
    SuiteError,
    SuiteFile,
    TableSuite,
    load_suite,
    load_suites,
)

__all__ = [
    "Days",
    "ExpectationResult",
    "Layout",
    "Outcome",
    "SuiteError",
    "SuiteFile",
    "SuiteVerdict",
    "TableCheck",
    "TableSuite",
    "check_database",
    "compare_columns",
    "load_suite",
    "load_suites",
    "run_suite",
    "run_suite_on_files",
]
