"""Find what must not stand in a committed file.

Paths of one machine, addresses of package registries, words that mean unfinished, files of
no place (NOTES, SUMMARY…), large files. `python -m tools.tidy` looks at what git tracks or
would track. Judging code belongs to ruff, borders to `tools/house.py`.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST_KIB = 1024

# Pieced together, so that this file does not contain what it looks for.
_HOSTS = "|".join(
    (
        "py" + r"pi\.org",
        "python" + "hosted",
        r"deb\.deb" + "ian",
        r"registry\.npm" + "js",
    )
)
_UNFINISHED = "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImpl" + "ementedError"))
_SOFT = "|".join(("for " + "now", "place" + "holder", "du" + "mmy"))
PATTERNS = {
    "a path of one machine": re.compile(r"(?<![\w./-])/(?:work|farm|root|home/\w+|Users/\w+)/"),
    "a registry's address": re.compile(_HOSTS, re.IGNORECASE),
    # Three X are also the code of "no currency" (ISO 4217), so only a comment's are meant.
    "a word that means unfinished": re.compile(
        rf"\b(?:{_UNFINISHED})\b|\b(?:{_SOFT})\b|(?:#|--|//)\s*X{{3}}\b"
    ),
}
NO_PLACE = re.compile(r"(?i)^(notes|complete|summary|todo|refactoring\w*)\.(md|txt|rst)$")


def committed_files(root: Path) -> list[Path]:
    """List files that git tracks, or would track, relative to `root`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=root, capture_output=True, check=True)
    names = sorted(set(listing.stdout.decode().split("\0")) - {""})
    return [Path(name) for name in names if (root / name).is_file()]


def problems(root: Path, files: Iterable[Path]) -> list[str]:
    """List what is wrong, one line each: file, line, what."""
    found = []
    for name in files:
        size_kib = (root / name).stat().st_size // 1024
        if size_kib > LARGEST_KIB:
            found.append(f"{name}: {size_kib} KiB, more than {LARGEST_KIB}")
        if NO_PLACE.match(name.name):
            found.append(f"{name}: a file of this name says nothing about its content's place")
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            found += [
                f"{name}:{number}: {what}: {match.group(0).strip()}"
                for what, pattern in PATTERNS.items()
                if (match := pattern.search(line))
            ]
    return found


def main() -> int:
    """Print what is wrong; 1 when something is."""
    found = problems(ROOT, committed_files(ROOT))
    for line in found:
        print(line)
    print(f"tidy: {len(found)} problems" if found else "tidy: nothing of one machine, all finished")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
