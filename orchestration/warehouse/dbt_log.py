"""What is kept of a dbt invocation: names, statuses, times, and reasons without values.

dbt's own log and results quote the values a statement failed on, so dbt writes neither. The
reason of a failure is kept whole where it can only be about names and SQL; of any other only
its kind. Running dbt is `dbt_process`.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

LOG_FILE = "nodes.log"
_LARGEST_BYTES = 1_000_000
_LONGEST_REASON = 600

_KIND = re.compile(r"([A-Z][A-Za-z]*(?: [A-Za-z]+){0,3} (?:Error|Exception)):\s*(.*)", re.DOTALL)
_ABOUT_NAMES = frozenset({"Binder Error", "Catalog Error", "Parser Error"})
"""DuckDB's, which come up before a row is read."""
_ABOUT_CODE = "Compilation Error"
"""dbt's, about Jinja, references and contracts."""
_COUNT = re.compile(r"Got \d+ results?, configured to \w+ if [!=<>]+ ?\d+")
"""dbt's, of a test that found rows."""


def reason_without_values(message: str) -> str:
    """What dbt says of a failed node, as far as it can quote no value of the data.

    dbt writes `<its kind> in <node>`, then the engine's kind and text on the next line.
    """
    first, _, rest = message.strip().partition("\n")
    if _COUNT.fullmatch(first) and not rest:
        return first
    if first.startswith(_ABOUT_CODE):
        return _in_one_line(message)
    found = _KIND.match(rest.strip()) or _KIND.match(first.strip())
    if found is None:
        return "an error that names no kind"
    kind, text = found.groups()
    return _in_one_line(f"{kind}: {text}") if kind in _ABOUT_NAMES else kind


def keep(folder: Path, lines: Iterable[str]) -> None:
    """Add lines with the time; the log before is kept once this one is large."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / LOG_FILE
    if path.exists() and path.stat().st_size > _LARGEST_BYTES:
        path.replace(path.with_suffix(".log.1"))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with path.open("a", encoding="utf-8") as log:
        log.writelines(f"{now} {line}\n" for line in lines)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_REASON]
