"""Write the report of a published version to one file.

Belongs here: which version is opened, what of its manifest the page shows, and the atomic
write. What the page says belongs to `page`. The file is private to its owner, as all state
of the product: it names customers by shortened pseudonyms, which is still personal data.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.publish.durability import replace_text
from orchestration.publish.reader import opened
from orchestration.report.edition import edition_of
from orchestration.report.figures import ReportError
from orchestration.report.page import render
from orchestration.settings import Settings

REPORT_MODE = 0o600
LARGEST_BYTES = 3_000_000
"""A report is sent by mail and opened on phones; the page of a year is far below."""


@dataclass(frozen=True)
class ReportFile:
    """A report on disk: of which version, as of which business date, how large."""

    path: Path
    version: int
    data_as_of: date
    size_bytes: int


def write_report(
    settings: Settings,
    version: int | None = None,
    output: Path | None = None,
    *,
    data_origin: str | None = None,
) -> ReportFile:
    """Write the report of `version` (the current one by default) to `output`.

    `output` is `settings.report_path` by default; an existing file is replaced in one step.
    The same version gives the same bytes. A damaged current version is left for the newest
    whole one. Raises PublishedStateError when nothing is published or the version is not there,
    ReportError when its marts cannot be reported or
    the file cannot be written; an existing file is untouched then.
    """
    with opened(settings, version) as reading:
        found = reading.version
        html = render(reading.connection, edition_of(found.manifest), data_origin=data_origin)
    size = len(html.encode())
    if size > LARGEST_BYTES:
        raise ReportError(
            f"the report of version {found.version} has {size:,} bytes, more than the "
            f"{LARGEST_BYTES:,} it may have; nothing was written. Report this to the data team"
        )
    path = output if output is not None else settings.report_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, html, mode=REPORT_MODE)
    except OSError as error:
        raise ReportError(
            f"the report cannot be written to {path} ({error.strerror}); a file already there "
            "is untouched. Name a place you may write to with --output"
        ) from error
    return ReportFile(path, found.version, found.manifest.data_as_of, size)
