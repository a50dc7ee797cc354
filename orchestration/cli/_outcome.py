"""How a command ends: exit codes, and errors as sentences on standard error.

An error of the product already says what is wrong, where, what was kept and what to do
next, so its text is shown as it is. Anything else may quote values of the data: only its
kind is shown, and the places it came through are kept in a file.
"""

import functools
import os
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

import typer

from orchestration.cli._terminal import say_error
from orchestration.faults import account_of, kind_of, ours_in
from orchestration.settings import load_settings

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

ERROR_FILE = "last-error.log"


class ExitCode(IntEnum):
    """What a command answers to the program that called it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


EXIT_CODES = "Exit codes: 0 done · 1 failed, nothing unchecked is served · 2 wrong usage."


class CommandError(RuntimeError):
    """A command cannot go on; the message carries the next action."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(CommandError):
    """The arguments cannot be used; nothing was started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.USAGE)


def answering(command: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Turn every error of a command into a sentence and an exit code."""

    @functools.wraps(command)
    def answer(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except CommandError as error:
            _fail(str(error), error.code)
        except KeyboardInterrupt:
            _fail("stopped by you; what was published before stays served", ExitCode.INTERRUPTED)
        except BrokenPipeError:
            _reader_left()
        except Exception as error:  # noqa: BLE001 (the border of the program: nothing is above it)
            ours = ours_in(error)
            if ours is not None:
                _fail(str(ours), ExitCode.FAILED)
            _fail(_unexpected(error), ExitCode.FAILED)

    return answer


def _fail(message: str, code: ExitCode) -> NoReturn:
    say_error(message)
    raise typer.Exit(code)


def _reader_left() -> NoReturn:
    # Whoever read our output has enough of it (`… | head`): not an error of ours. Python
    # would complain once more when it flushes standard output at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise typer.Exit(ExitCode.DONE)


def _unexpected(error: Exception) -> str:
    kind = kind_of(error)
    try:
        kept = _keep_account(load_settings().home, error)
    except (OSError, ValueError):
        return f"unexpected {kind}; what is published stays served; where it came up was not kept"
    return (
        f"unexpected {kind}; what is published stays served. Where it came up is in {kept}, "
        "without its text, which may quote values; `shopthread doctor` looks for a cause"
    )


def _keep_account(home: Path, error: Exception) -> Path:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / ERROR_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(account_of(error))
    return path
