"""The page: figures, sentences and charts put into one self-contained HTML text.

Only the rendering is here; what a section shows is in `sections`, the layout in the two
template files beside this module. Jinja escapes everything that is not markup of ours, the
style sheet is admitted by its hash, and the page's policy forbids every request and every
script.
"""

import base64
import hashlib
from functools import cache

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from orchestration.report import sentences
from orchestration.report.edition import Edition
from orchestration.report.figures import Figures, read_figures
from orchestration.report.marking import breakable, figure
from orchestration.report.numbers import NOTHING, day_name, month_name, number, percent, plural
from orchestration.report.sections import LAYER_MEANINGS, OUTCOME_LABELS, Sections


def render(
    connection: duckdb.DuckDBPyConnection, edition: Edition, *, data_origin: str | None = None
) -> str:
    """Write the page from the marts `connection` sees.

    The same marts and edition give the same text. Raises ReportError when a mart is missing.
    """
    figures = read_figures(connection, as_of=edition.data_as_of, data_origin=data_origin)
    return render_figures(figures, edition)


def render_figures(figures: Figures, edition: Edition) -> str:
    """Write the page from figures already read."""
    environment = _environment()
    style = environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("report.html.j2").render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'",
        edition=edition,
        figures=figures,
        sections=Sections(figures),
        say=sentences,
        outcome_labels=OUTCOME_LABELS,
        layer_meanings=LAYER_MEANINGS,
        number=number,
        percent=percent,
        plural=plural,
        day_name=day_name,
        month_name=month_name,
        figure=figure,
        breakable=breakable,
        nothing=NOTHING,
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("orchestration.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
