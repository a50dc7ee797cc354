"""What Dagster may keep of a step's error: its history and its logs are read by many.

Every step's function is wrapped here. What an error may say is `orchestration.faults`.
"""

import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import dagster as dg

from orchestration.faults import telling_kinds_only

_Arguments = ParamSpec("_Arguments")
_Event = TypeVar("_Event")

_DAGSTERS_OWN = (dg.Failure, dg.RetryRequested, dg.DagsterError)
"""Their texts are ours, or name assets and steps."""


def quoting_no_data(
    step: Callable[_Arguments, Iterator[_Event]],
) -> Callable[_Arguments, Iterator[_Event]]:
    """Let no error leave a step with a text that a library wrote."""

    @functools.wraps(step)
    def told(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Iterator[_Event]:
        with telling_kinds_only(*_DAGSTERS_OWN):
            yield from step(*args, **kwargs)

    return told
