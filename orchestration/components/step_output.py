"""What a step prints goes to its files, and to no terminal.

Dagster's own manager mirrors both streams of every step to the terminal of the run, with two
helper processes each: 88 of the 123 processes of a gated run (2026-11-25). Nobody reads them
there, and what a library prints may quote a row. Named in dagster.yaml; the files lie where
Dagster's own lie and the UI shows them. `tests/pipeline/test_step_output.py` is the contract
test of the private function that this relies on.
"""

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from dagster._serdes import ConfigurableClassData

from orchestration.settings import dagster_home_in_use


class StepOutputInFiles(LocalComputeLogManager):
    """Keeps the streams of each step in files that only their owner may read."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "StepOutputInFiles":
        """Without `base_dir` the files lie where Dagster puts them: under DAGSTER_HOME."""
        base_dir = config_value.get("base_dir") or str(dagster_home_in_use() / "storage")
        return cls(base_dir=base_dir, inst_data=inst_data)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        out, err = (
            self._file(log_key, kind) for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR)
        )
        with redirect_to_file(sys.stdout, str(out)), redirect_to_file(sys.stderr, str(err)):
            yield CapturedLogContext(log_key)
        # The UI stops waiting for more.
        Path(self.get_captured_local_path(log_key, "complete")).touch()

    def _file(self, log_key: Sequence[str], kind: ComputeIOType) -> Path:
        path = Path(self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
