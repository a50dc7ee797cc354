"""Run a function in a process group of its own and interrupt it at a failpoint.

Children come from a fork server that imported the product once, so that a case costs the
work it interrupts and not the imports. What must hold afterwards is in the tests.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from orchestration.components.preloading import PRELOADED_MODULES
from orchestration.failpoints import Action, Place

ACTIONS = (Action.KILL, Action.RAISE, Action.FULL)
IN_A_ROW = [
    # A full disk meets what the error left, the kill what both did.
    pytest.param((Action.RAISE, Action.FULL, Action.KILL), id="raise-full-kill"),
    *(pytest.param((action,), id=str(action), marks=pytest.mark.slow) for action in ACTIONS),
]
"""Interruptions at one place that nobody heals in between."""
_SECONDS = 120.0


def interrupted(
    place: Place,
    action: Action,
    function: Callable[..., Any],
    *arguments: Any,
    environment: Mapping[str, str] | None = None,
    nth: int = 1,
) -> None:
    """Call `function` in a child that is interrupted at `place`, and see that it was.

    `raise` and `full` must end the call with an error, `kill` and `die` the process.
    """
    order = f"{place}={action}" + (f"@{nth}" if nth > 1 else "")
    code = run_child(
        function, *arguments, environment={**(environment or {}), "SHOPTHREAD_FAILPOINT": order}
    )
    expected = -signal.SIGKILL if action in {Action.KILL, Action.DIE} else 1
    assert code == expected, f"{order} ended the child with {code}, not {expected}"


def killed_after(
    seconds: float,
    function: Callable[..., Any],
    *arguments: Any,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Call `function` in a child that is killed after some time. False: it had ended before."""
    child = _start(function, arguments, environment)
    child.join(seconds)
    if child.exitcode is None:
        child.kill()
        child.join()
    assert child.exitcode in {0, -signal.SIGKILL}, f"the child ended with {child.exitcode}"
    return child.exitcode != 0


def run_child(
    function: Callable[..., Any], *arguments: Any, environment: Mapping[str, str] | None = None
) -> int:
    """Exit code of a child that calls `function`: 0, 1 after an error, or minus a signal."""
    child = _start(function, arguments, environment)
    child.join(_SECONDS)
    if child.is_alive():
        child.kill()
        raise AssertionError(f"the child did not end in {_SECONDS:g} s")
    assert child.exitcode is not None
    return child.exitcode


def _start(
    function: Callable[..., Any], arguments: tuple[Any, ...], environment: Mapping[str, str] | None
) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED_MODULES, __name__])
    child = context.Process(
        target=_call, args=(function, arguments, {**os.environ, **(environment or {})})
    )
    child.start()
    return child


def _call(
    function: Callable[..., Any], arguments: tuple[Any, ...], environment: dict[str, str]
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    function(*arguments)
