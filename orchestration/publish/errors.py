"""What publishing and reading can refuse, each with the next action in its message.

Exception types, and what of a DuckDB error may be repeated; messages are written where the
fact is known.
"""

import duckdb

_WITHOUT_VALUES = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConnectionException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    duckdb.PermissionException,
)


class PublishError(RuntimeError):
    """Nothing became visible; the version that was current before is still served."""


class FencedError(PublishError):
    """Another version became current after the run that wants to publish began."""


class VerificationError(PublishError):
    """The second process did not find in the built files what the manifest says."""


class PublishedStateError(RuntimeError):
    """What lies in `published/` contradicts itself, or nothing was published yet."""


class DamagedError(PublishedStateError):
    """Files of a version, or the pointer, are not what was written."""


class NoWholeVersionError(DamagedError):
    """The current version is damaged and no earlier one is whole, so nothing was moved."""


class UnfinishedError(PublishedStateError):
    """The new version is served, but something after the pointer's move could not be done."""


class UnknownVersionError(PublishedStateError):
    """The named version was never published, is pruned or is not whole."""


class DamageWarning(UserWarning):
    """Readers get an earlier version because the newest one is damaged."""


class QueryError(RuntimeError):
    """A reader's SQL was refused or failed; the published files are untouched."""


def reason(error: duckdb.Error) -> str:
    """DuckDB's first sentence where it can only be about names, files and types.

    Other errors quote the value they failed on, which may be a person's: of those, only the
    kind is repeated.
    """
    if isinstance(error, _WITHOUT_VALUES):
        return str(error).strip().splitlines()[0].rstrip(".")
    return type(error).__name__


def cause(error: duckdb.Error) -> duckdb.Error | None:
    """The error as a cause to chain, or None when its text may hold a person's value."""
    return error if isinstance(error, _WITHOUT_VALUES) else None
