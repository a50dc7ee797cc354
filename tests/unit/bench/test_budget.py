"""A budget lets a tolerance pass and nothing more; the committed one says how it counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.budget import (
    COUNTING,
    Allowance,
    BudgetError,
    exceeded,
    load_budget,
    words,
    written,
)

BUDGET = {
    "processes": Allowance(30, 0.0, "as counted"),
    "duckdb_statements": Allowance(1000, 0.02, "as counted"),
}


def test_a_count_at_its_budget_passes() -> None:
    assert exceeded({"processes": 30, "duckdb_statements": 1020}, BUDGET) == []


def test_one_process_more_fails_and_the_sentence_says_what_to_do() -> None:
    (problem,) = exceeded({"processes": 31, "duckdb_statements": 1000}, BUDGET)
    assert problem.startswith("processes: 31 in one run, and its budget is 30 + 0% = 30.")
    assert "python -m bench.budget --update" in problem


def test_a_count_beyond_its_tolerance_fails() -> None:
    (problem,) = exceeded({"processes": 12, "duckdb_statements": 1021}, BUDGET)
    assert problem.startswith("duckdb_statements: 1,021")


@pytest.mark.parametrize(
    "counts",
    [{"processes": 1}, {"processes": 1, "duckdb_statements": 1, "files": 1}],
)
def test_a_counter_without_a_budget_or_a_budget_without_a_counter_is_refused(
    counts: dict[str, int],
) -> None:
    with pytest.raises(BudgetError, match=r"bench\.budget --update"):
        exceeded(counts, BUDGET)


def test_writing_keeps_tolerances_and_reasons(tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text(written({"processes": 31, "duckdb_statements": 7}, BUDGET), "utf-8")
    assert load_budget(path) == {
        "processes": Allowance(31, 0.0, "as counted"),
        "duckdb_statements": Allowance(7, 0.02, "as counted"),
    }


def test_every_committed_budget_says_how_it_is_counted() -> None:
    committed = load_budget()
    assert {name for name, item in committed.items() if item.budget <= 0} == set()
    assert {name for name, item in committed.items() if "(20" not in item.because} == set()
    for exact in ("processes", "dbt_invocations"):
        assert committed[exact].tolerance == 0.0


def counted(tmp_path: Path, script: str) -> dict[str, int]:
    """What a script notes of itself and its children."""
    log = tmp_path / "counts.txt"
    subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(COUNTING), "SHOPTHREAD_BENCH_COUNTS": str(log)},
        check=True,
    )
    return words(log.read_text("utf-8"))


def test_interpreters_forks_and_other_programs_are_processes(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'pass'], check=True)\n"
        "subprocess.run(['true'], check=True)\n"
        "pid = os.fork()\n"
        "os.waitpid(pid, 0) if pid else os._exit(0)\n"
    )
    assert counted(tmp_path, script)["processes"] == 4


def test_a_fork_server_and_its_children_are_processes(tmp_path: Path) -> None:
    program = tmp_path / "forking.py"
    program.write_text(
        "from multiprocessing import get_context\n"
        "if __name__ == '__main__':\n"
        "    process = get_context('forkserver').Process(target=print)\n"
        "    process.start()\n"
        "    process.join()\n",
        "utf-8",
    )
    script = f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
    # This interpreter, the tracker of resources, the fork server and the child.
    assert counted(tmp_path, script)["processes"] == 4


def test_statements_on_any_connection_and_cursor_are_counted(tmp_path: Path) -> None:
    script = (
        "import duckdb\n"
        "with duckdb.connect() as connection:\n"
        "    connection.execute('select 1')\n"
        "    connection.cursor().execute('select 2').fetchall()\n"
        "    connection.begin()\n"
        "    connection.executemany('select ?', [[1], [2]])\n"
        "    connection.commit()\n"
    )
    assert counted(tmp_path, script)["duckdb_statements"] == 5
