"""Click ids of ad platforms: the same text in an ad report and in a landing page's address.

A click is numbered by its touch. Shared by `ads`, `web` and `app`, which deliver it.
"""

import numpy as np

from orchestration.demo.columns import Column
from orchestration.demo.session_book import SessionBook
from orchestration.demo.world import World

PLATFORMS = ("google", "meta")


def click_ids(world: World, book: SessionBook) -> dict[str, Column]:
    """A click id for each session and platform; it means something only for ad sessions."""
    touch = np.maximum(book.touch, 0)
    return {platform: world.identifiers.click_text(touch, platform) for platform in PLATFORMS}
