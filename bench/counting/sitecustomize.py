# ruff: noqa: INP001 -- found by its name on the path, never imported as part of a package
"""Count what a run starts and asks, in every interpreter that has this folder on its path.

Python imports a module of this name by itself when an interpreter starts. One word a line
goes to the file that SHOPTHREAD_BENCH_COUNTS names; without the variable nothing happens.
What the words add up to is `bench.budget`'s business.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_FILE = os.environ.get("SHOPTHREAD_BENCH_COUNTS")
_STATEMENT_METHODS = (
    *("execute", "executemany", "sql", "query", "from_query"),
    *("begin", "commit", "rollback", "checkpoint"),
)


def _note(word: str) -> None:
    """Append one word; a single small write to a file opened for appending is not torn."""
    descriptor = os.open(str(_FILE), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{word}\n".encode())
    finally:
        os.close(descriptor)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Note other programs; an interpreter notes itself when it starts."""
    if event in {"subprocess.Popen", "os.posix_spawn", "os.exec"}:
        name = Path(os.fsdecode(arguments[0] or arguments[1][0])).name
        if not name.startswith("python"):
            _note(f"program {name}")


def _counting(word: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        _note(word)
        return function(*arguments, **named)

    return counted


def _count_statements(duckdb: ModuleType) -> None:
    for name in _STATEMENT_METHODS:
        found = getattr(duckdb.DuckDBPyConnection, name)
        setattr(duckdb.DuckDBPyConnection, name, _counting("statement", found))


def _count_dbt(module: ModuleType) -> None:
    module.dbtRunner.invoke = _counting("dbt", module.dbtRunner.invoke)


_AFTER_IMPORT: dict[str, Callable[[ModuleType], None]] = {
    "duckdb": _count_statements,
    "dbt.cli.main": _count_dbt,
}


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, then changes it once."""

    def __init__(self, loader: importlib.abc.Loader, change: Callable[[ModuleType], None]) -> None:
        self.loader = loader
        self.change = change

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        self.change(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Stands before the other finders for the modules whose calls are counted."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _AFTER_IMPORT:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, _AFTER_IMPORT[fullname])
        return spec


if _FILE:
    _note("interpreter")
    os.register_at_fork(after_in_child=lambda: _note("fork"))
    sys.addaudithook(_hear)
    sys.meta_path.insert(0, _Finder())
