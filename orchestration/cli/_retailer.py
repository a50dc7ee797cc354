"""Let the synthetic retailer deliver: what `shopthread demo` does before its run.

What Maple & Main writes belongs to `orchestration.demo`, which sources read it to their
`defs.yaml`.
"""

import shutil
import time
from dataclasses import dataclass

from orchestration.demo.deliveries import hand_over
from orchestration.demo.panel import read_panel_cards
from orchestration.demo.retailer import generate
from orchestration.demo.sizes import SIZES
from orchestration.settings import Settings
from orchestration.sources.config import load_sources

SIZE = "demo"
SEED = 7
_HANDED_OVER = "handed_over"


@dataclass(frozen=True)
class Delivered:
    """What the retailer delivered just now."""

    people: int
    rows: int
    files: int
    seconds: float


def is_wanted(settings: Settings) -> bool:
    """Whether an enabled source reads what the synthetic retailer writes."""
    return any(
        source.reader.kind == "synthetic_retailer"
        for source in load_sources(settings.sources_dir, settings.enabled_sources)
    )


def deliver(settings: Settings) -> Delivered | None:
    """Write the retailer's year and drop its last weeks into the inbox; once for a home.

    None when that was done before. Killed half way, it begins anew.
    """
    folder = settings.retailer_dir
    if (folder / _HANDED_OVER).is_file():
        return None
    begun = time.monotonic()
    writing = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(writing, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    outcome = generate(
        writing,
        size=SIZES[SIZE],
        seed=SEED,
        panel=read_panel_cards(settings.panel_files()),
    )
    writing.replace(folder)
    files = hand_over(folder, settings.inbox_dir)
    (folder / _HANDED_OVER).touch()
    return Delivered(
        people=len(outcome.books.world.people),
        rows=sum(total.rows for total in outcome.totals.values()),
        files=files,
        seconds=time.monotonic() - begun,
    )
