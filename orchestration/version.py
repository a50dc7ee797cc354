"""Which version of the product runs: the release and the commit it was built from.

Read from package metadata and the checkout's own files; nothing is executed.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from orchestration.settings import PROJECT_DIR

_SHORT_COMMIT = 12


@cache
def project_version() -> str:
    """The release, with the commit behind a plus sign when it runs from a checkout."""
    try:
        release = version("shopthread")
    except PackageNotFoundError:
        release = "0.0.0"
    commit = _commit()
    return f"{release}+{commit}" if commit else release


def _commit() -> str | None:
    head = PROJECT_DIR / ".git" / "HEAD"
    try:
        content = head.read_text("utf-8").strip()
        if content.startswith("ref: "):
            content = (PROJECT_DIR / ".git" / content[5:]).read_text("utf-8").strip()
    except OSError:
        return None
    return content[:_SHORT_COMMIT]
