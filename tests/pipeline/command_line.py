"""The command line as its own process, on a home that a test owns."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT_DIR, Settings, load_settings
from tests.pipeline.worlds import FIRST, LAST


@dataclass(frozen=True)
class CommandLine:
    """Runs `shopthread` on one home."""

    home: Path
    panel: Path

    @property
    def variables(self) -> dict[str, str]:
        return {
            "SHOPTHREAD_HOME": str(self.home),
            "SHOPTHREAD_PANEL_DIR": str(self.panel),
            "SHOPTHREAD_SOURCES": "complete_journey",
            "SHOPTHREAD_FIRST_DAY": FIRST.isoformat(),
            "SHOPTHREAD_LAST_DAY": LAST.isoformat(),
        }

    @property
    def settings(self) -> Settings:
        return load_settings(self.variables)

    @property
    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
        return {**kept, **self.variables, "PYTHONUNBUFFERED": "1"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "orchestration.cli", *arguments]

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=False,
            timeout=540,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command and leave it running, in a session of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            cwd=PROJECT_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def status(self) -> dict[str, Any]:
        """What `shopthread status --format json` says."""
        finished = self("status", "--format", "json")
        assert finished.returncode == 0, finished.stderr
        answer = json.loads(finished.stdout)
        assert isinstance(answer, dict)
        return answer


def words(text: str) -> str:
    """Output without its layout: one space between words."""
    return " ".join(text.split())
