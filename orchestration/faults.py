"""Say what broke without repeating the data: kinds, files and lines of errors.

The text of a library's error quotes what it stumbled over: DuckDB a row, Python a key. Only
errors of this product know what they may say, so only their text is kept. Where an account is
shown or written is the caller's business.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_OUR_PACKAGE = "orchestration."
_DEEPEST = 20
"""So many causes are followed; a chain that is longer runs in a circle."""


class FaultError(RuntimeError):
    """Something that is not ours broke; the message has its kind and its place, not its text."""


def is_ours(error: BaseException) -> bool:
    """Whether this product wrote the text of an error."""
    return type(error).__module__.startswith(_OUR_PACKAGE)


def ours_in(error: BaseException) -> BaseException | None:
    """The error itself if its text is ours, else the first ours that it was raised from.

    A framework wraps what our code raises while it loads it. An error that merely came up
    while another was handled does not count: it is not what went wrong.
    """
    found: BaseException | None = error
    for _ in range(_DEEPEST):
        if found is None or is_ours(found):
            return found
        found = found.__cause__
    return None


def kind_of(error: BaseException) -> str:
    """The type of an error; of one that the operating system raised also its reason."""
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        code = errno.errorcode.get(error.errno, str(error.errno))
        return f"{name} {code} ({os.strerror(error.errno)})"
    return name


def place_of(error: BaseException) -> str:
    """Module, line and function of ours where an error came up; the last of all without one."""
    places = list(_places(error.__traceback__))
    ours = [place for place in places if place.startswith(_OUR_PACKAGE)]
    return (ours or places or ["an unknown place"])[-1]


def account_of(error: BaseException) -> str:
    """An error and what caused it, innermost last: kinds, places and our own texts."""
    lines: list[str] = []
    found: BaseException | None = error
    for _ in range(_DEEPEST):
        if found is None:
            break
        text = f": {found}" if is_ours(found) else ""
        lines.append(f"{'caused by ' if lines else ''}{kind_of(found)}{text}")
        lines += [f"  {place}" for place in _places(found.__traceback__)]
        found = _cause(found)
    return "\n".join(lines) + "\n"


def without_values(
    error: BaseException, trusted: tuple[type[BaseException], ...] = (), depth: int = _DEEPEST
) -> BaseException:
    """The error itself where its text is ours or `trusted`, else a FaultError in its place.

    The same for what caused it. The traceback stays: it has lines of code, and no data.
    """
    cause = _cause(error) if depth else None
    if is_ours(error) or isinstance(error, trusted):
        shown = error
    else:
        shown = FaultError(
            f"{kind_of(error)} in {place_of(error)}. Its own text may quote the data, so it is "
            "kept nowhere. What was published stays served; run again once the cause is gone"
        ).with_traceback(error.__traceback__)
    # Also keeps Python from showing what was handled when the error came up.
    shown.__cause__ = None if cause is None else without_values(cause, trusted, depth - 1)
    return shown


@contextmanager
def telling_kinds_only(*trusted: type[BaseException]) -> Iterator[None]:
    """Let errors leave the block, or the function it decorates, `without_values`."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (raised again below, in other words)
        found = error
    else:
        return
    raise without_values(found, trusted)


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _places(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        frame = trace.tb_frame
        module = frame.f_globals.get("__name__", "?")
        yield f"{module} line {trace.tb_lineno} ({frame.f_code.co_name})"
        trace = trace.tb_next
