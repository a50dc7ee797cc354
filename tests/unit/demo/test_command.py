"""The command tells what it wrote and refuses what it cannot do."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from orchestration.demo.command import generate_retailer


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(generate_retailer)
    return CliRunner().invoke(app, arguments)


def test_it_prints_every_entity_and_fills_the_inbox(tmp_path: Path) -> None:
    output, inbox = tmp_path / "output", tmp_path / "inbox"
    result = invoke("--output", str(output), "--no-panel", "--clean", "--inbox", str(inbox))
    assert result.exit_code == 0, result.output
    assert "synthetic_experiments" in result.output
    assert "0 incidents" in " ".join(result.output.split())
    assert (output / "truth" / "people.csv").is_file()
    assert (inbox / "synthetic_web" / "events" / "2017-03-12.parquet").is_file()


@pytest.mark.parametrize(
    "arguments, told",
    [(("--size", "huge"), "huge is none of tiny, demo"), ((), "nothing was written")],
)
def test_it_refuses(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    (tmp_path / "something").touch()
    result = invoke("--output", str(tmp_path), *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir()] == ["something"]
