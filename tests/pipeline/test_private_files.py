"""A whole run under the most careless umask: nobody else may read what it wrote."""

import stat
import subprocess
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_DIR
from tests.pipeline.command_line import CommandLine

pytestmark = pytest.mark.slow


def carelessly(shopthread: CommandLine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command as somebody starts it whose umask keeps nothing from anybody."""
    return subprocess.run(
        shopthread.command(*arguments),
        env=shopthread.environment,
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
        umask=0,
    )


def modes(folder: Path) -> dict[Path, int]:
    """Of everything below `folder` and itself, but for symlinks, which have none."""
    return {
        path: stat.S_IMODE(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


def test_a_run_with_umask_000_leaves_no_file_open_to_others(
    tmp_path: Path, tiny_panel: Path
) -> None:
    shopthread = CommandLine(tmp_path / "state" / "var", tiny_panel)
    finished = carelessly(shopthread, "run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for command in (["query", "select count(*) from fct_orders"], ["report"], ["rollback", "1"]):
        answered = carelessly(shopthread, *command)
        assert answered.returncode == 0, answered.stderr
    found = modes(shopthread.home)
    published = shopthread.settings.published_dir
    state = {path: mode for path, mode in found.items() if not path.is_relative_to(published)}
    assert len(state) > 100, "landing, the ledger, the warehouse, the instance"
    assert {path: oct(mode) for path, mode in state.items() if mode & 0o077} == {}

    served = published / "1"
    folders = {path for path in found if path.is_relative_to(published) and path.is_dir()}
    assert {found[path] for path in folders} == {0o750}
    files = {path: mode for path, mode in found.items() if path.is_relative_to(served)}
    assert files.pop(served / "identified.duckdb") == 0o400
    assert {mode for path, mode in files.items() if path not in folders} == {0o440}
    assert found[published / "current.json"] == 0o440
    assert {path.name for path, mode in found.items() if mode & 0o007} == set()

    examined = carelessly(shopthread, "doctor")
    assert examined.returncode == 0, examined.stdout
    assert "the state is closed to others" in examined.stdout
    # The doctor looks at each file, not at the door alone.
    shopthread.home.chmod(0o755)
    assert "the state is closed to others" in carelessly(shopthread, "doctor").stdout
    shopthread.settings.ledger_path.chmod(0o644)
    examined = carelessly(shopthread, "doctor")
    assert examined.returncode == 1
    assert "ledger.sqlite is open to others (644)" in examined.stdout
