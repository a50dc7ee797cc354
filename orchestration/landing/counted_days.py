"""Remember how many records of a base text belong to each business date.

The sensor asks for the days of every base file at each look, and a text has to be read from
its first record to its last to say them. Counts only, no values. Landing itself counts anew:
what is kept here tells what waits, and never what is accepted.
"""

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

Days = dict[date | None, int]


@dataclass(frozen=True)
class CountedDays:
    """The newest count of one entity, in a file of its own."""

    path: Path

    def recall(self, key: str) -> Days | None:
        """The count that was kept under this key; None: the text could not be counted.

        Raises KeyError where nothing is kept under it; what cannot be read is nothing.
        """
        try:
            kept = json.loads(self.path.read_text("utf-8"))
            if kept["key"] != key:
                raise KeyError(key)
            if kept["days"] is None:
                return None
            return {
                date.fromisoformat(name) if name else None: int(rows)
                for name, rows in kept["days"].items()
            }
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise KeyError(key) from error

    def keep(self, key: str, days: Days | None) -> None:
        """Keep a count in place of the one before."""
        written = (
            None
            if days is None
            else {"" if day is None else day.isoformat(): rows for day, rows in days.items()}
        )
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = self.path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(json.dumps({"key": key, "days": written}), "utf-8")
        aside.replace(self.path)
