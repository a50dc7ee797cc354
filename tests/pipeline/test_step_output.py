"""What a step prints lies in its files, where Dagster's own manager finds it."""

import os
import shutil
import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from orchestration.components.step_output import StepOutputInFiles
from orchestration.settings import PROJECT_DIR

BAG = "of bits and bobs"
BESIDE_THE_STEP: set[int] = set()


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """The instance as shipped, in a home of its own."""
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return dg.DagsterInstance.get()


@dg.asset
def chatty() -> None:
    print(f"out {BAG}")
    # As a library does that is written in another language.
    os.write(sys.stderr.fileno(), f"err {BAG}".encode())
    BESIDE_THE_STEP.update(children())


def test_a_step_starts_no_process_to_show_what_it_prints(
    instance: dg.DagsterInstance, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(instance.compute_log_manager, StepOutputInFiles)
    before = children()
    result = dg.materialize([chatty], instance=instance)
    assert result.success
    assert before >= BESIDE_THE_STEP
    assert BAG not in "".join(capfd.readouterr())

    (event,) = [item for item in result.all_events if item.event_type_value == "LOGS_CAPTURED"]
    key = instance.compute_log_manager.build_log_key_for_run(
        result.run_id, event.logs_captured_data.file_key
    )
    shipped = LocalComputeLogManager(base_dir=str(tmp_path / "storage"))
    for kind, said in ((ComputeIOType.STDOUT, "out"), (ComputeIOType.STDERR, "err")):
        data, _ = shipped.get_log_data_for_type(key, kind, 0, None)
        assert data is not None
        assert f"{said} {BAG}" in data.decode()
    assert shipped.is_capture_complete(key)
