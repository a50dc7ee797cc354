"""The report: one self-contained HTML file a marketer can read, made of published marts.

Belongs here: reading figures from a published version, putting them into words and inline
SVG, and writing the file. Does not belong here: computing a KPI (dbt does), publishing a
version (`orchestration.publish`), servers and dashboards. Nothing here imports dagster, dbt
or great_expectations, and the page it writes loads nothing and runs no script.
"""

from orchestration.report.edition import Edition, StaleEntity, edition_of
from orchestration.report.figures import Figures, ReportError, read_figures
from orchestration.report.page import render
from orchestration.report.writing import ReportFile, write_report

__all__ = [
    "Edition",
    "Figures",
    "ReportError",
    "ReportFile",
    "StaleEntity",
    "edition_of",
    "read_figures",
    "render",
    "write_report",
]
