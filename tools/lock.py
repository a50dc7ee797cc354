"""Write the locks in requirements/, or check that they are honest.

`python -m tools.lock` resolves every lock again and keeps the pins that still fit;
`--upgrade` takes the newest versions; `--check` resolves into a temporary folder and
fails when anything would change, so that a range edited by hand cannot stay unlocked.
Needs uv and a package index. Installing belongs to `tools/make-env.sh`.
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = Path("requirements")


@dataclass(frozen=True)
class Lock:
    """One lock file: what it is resolved from and which earlier locks bind it."""

    name: str
    inputs: tuple[str, ...]
    bound_by: tuple[str, ...] = ()


# In this order: a later lock agrees with those that bind it, so that they share an environment.
ALL = (
    Lock("run", ("pyproject.toml", "--extra", "demo")),
    Lock("bootstrap", ("requirements/bootstrap.in",), bound_by=("run",)),
    Lock(
        "dev",
        ("pyproject.toml", "--extra", "demo", "--extra", "dev"),
        bound_by=("run", "bootstrap"),
    ),
    Lock("lint", ("requirements/lint.in",)),
    Lock("duckdb1", ("requirements/duckdb1.in",)),
)


def compile_command(lock: Lock, folder: Path, *, upgrade: bool) -> list[str]:
    """Give the uv command that resolves `lock` into `folder`."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    if upgrade:
        command.append("--upgrade")
    for name in lock.bound_by:
        command += ["--constraint", str(folder / f"{name}.txt")]
    return [*command, *lock.inputs, "--output-file", str(folder / f"{lock.name}.txt")]


def write(folder: Path, *, upgrade: bool) -> None:
    """Resolve every lock into `folder`, starting from the pins that lie there."""
    # A folder of wheels on this machine must not end up in a lock.
    environment = {k: v for k, v in os.environ.items() if k != "UV_FIND_LINKS"}
    for lock in ALL:
        command = compile_command(lock, folder, upgrade=upgrade)
        result = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        if result.returncode != 0:
            raise SystemExit(
                f"lock: {lock.name}.txt could not be resolved from {lock.inputs[0]}; uv says "
                "why above. The locks in requirements/ are those of before."
            )


def problems(text: str, name: str) -> list[str]:
    """List what no lock may contain: an address, or a requirement without a hash."""
    found = []
    blocks = text.replace("\\\n", " ").splitlines()
    for line in (block.strip() for block in blocks):
        if not line or line.startswith("#"):
            continue
        if "://" in line:
            found.append(f"{name}: names an address: {line.split()[0]}")
        if "--hash=sha256:" not in line:
            found.append(f"{name}: without a hash: {line.split()[0]}")
    return found


def check() -> int:
    """Compare the committed locks with a fresh resolution; 0 when nothing differs."""
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="shopthread-lock-") as scratch:
        folder = Path(scratch)
        for lock in ALL:
            committed = ROOT / LOCKS / f"{lock.name}.txt"
            if not committed.is_file():
                raise SystemExit(f"lock: {committed.name} is missing; run `make lock`")
            shutil.copy(committed, folder)
        write(folder, upgrade=False)
        for lock in ALL:
            name = f"{lock.name}.txt"
            before = (ROOT / LOCKS / name).read_text()
            after = (folder / name).read_text()
            found += problems(before, name)
            diff = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
            found += [f"{name}: {d}" for d in diff if d[:1] in "+-" and "==" in d]
            if before != after and not found:
                found.append(f"{name}: hashes or order differ from a fresh resolution")
    for line in found:
        print(line)
    if found:
        print("lock: requirements/ does not follow pyproject.toml and *.in; run `make lock`")
        return 1
    print(f"lock: {len(ALL)} locks are what their inputs resolve to")
    return 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="tools.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on a difference")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args()
    if options.check:
        return check()
    write(ROOT / LOCKS, upgrade=options.upgrade)
    print(f"lock: wrote {', '.join(lock.name + '.txt' for lock in ALL)} in requirements/")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
