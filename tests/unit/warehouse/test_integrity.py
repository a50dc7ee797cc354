"""Who has the warehouse open, in DuckDB's own words and in ours."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import load_settings
from orchestration.warehouse import integrity
from orchestration.warehouse.integrity import WarehouseHeldError, remove_if_damaged

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_the_program_that_has_the_file_open_is_named_with_its_process(tmp_path: Path) -> None:
    settings = load_settings({"SHOPTHREAD_HOME": str(tmp_path)})
    settings.warehouse_path.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.warehouse_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseHeldError, match=rf"is open in \S+ \(PID {holder.pid}\), wh"):
            remove_if_damaged(settings)
        holder.communicate("")


def test_a_program_in_a_folder_with_dots_is_named_whole() -> None:
    error = duckdb.IOException(
        'Could not set lock on file "w.duckdb": Conflicting lock is held in'
        " /opt/.envs/3.11.7/bin/python3.11 (PID 7) by user of.mine. See also https://duckdb.org"
    )
    said = integrity._held(Path("w.duckdb"), error)
    assert "is open in /opt/.envs/3.11.7/bin/python3.11 (PID 7), which" in said
