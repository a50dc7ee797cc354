"""Entrance of the verifying process: `python -m orchestration.publish.second_process <folder>`.

Writes the differences as one line of JSON, the last one of its output, and ends with 1 when
there are any. What is compared stands in `verification`; nothing imports this module.
"""

import json
import sys
from pathlib import Path

from orchestration.publish.verification import differences


def main(arguments: list[str]) -> int:
    """Compare the folder that is the only argument with its manifest."""
    found = differences(Path(arguments[0]))
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
