"""Ad clicks: their ids, campaigns and keywords, the same in ad reports and landing pages.

A click is numbered by its touch. Shared by `ads` and `web`, which deliver it.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.columns import Column
from orchestration.demo.random_numbers import Ints
from orchestration.demo.session_book import DISPLAY, GOOGLE_ADS, META_ADS, SessionBook
from orchestration.demo.world import World

PLATFORMS = ("google", "meta")


@dataclass(frozen=True)
class AdCampaign:
    """A campaign that runs all the time; offers come from `campaigns`."""

    origin: int
    name: str
    kind: str
    objective: str
    cents_a_click: int
    impressions_a_click: int


AD_CAMPAIGNS = (
    AdCampaign(GOOGLE_ADS, "brand_search", "search", "conversions", 35, 9),
    AdCampaign(GOOGLE_ADS, "generic_groceries", "search", "conversions", 95, 24),
    AdCampaign(GOOGLE_ADS, "shopping_feed", "shopping", "sales", 60, 60),
    AdCampaign(META_ADS, "retargeting_carts", "retargeting", "conversions", 70, 85),
    AdCampaign(META_ADS, "prospecting_families", "social", "reach", 45, 160),
    AdCampaign(DISPLAY, "display_banners", "display", "awareness", 25, 320),
)
KEYWORDS = (
    ("maple and main", "EXACT", "maple and main grocery"),
    ("maple main near me", "PHRASE", "maple main store near me"),
    ("online groceries", "BROAD", "order groceries online"),
    ("gift basket delivery", "PHRASE", "birthday gift basket delivery"),
    ("grocery pickup", "BROAD", "grocery pickup today"),
)


def click_ids(world: World, book: SessionBook) -> dict[str, Column]:
    """A click id for each session and platform; it means something only for ad sessions."""
    touch = np.maximum(book.touch, 0)
    return {platform: world.identifiers.click_text(touch, platform) for platform in PLATFORMS}


def ad_campaign_of(origin: Ints, touch: Ints) -> Ints:
    """Position in AD_CAMPAIGNS of each ad session, or -1."""
    campaign = np.full(len(origin), -1, dtype=np.int64)
    for platform in (GOOGLE_ADS, META_ADS, DISPLAY):
        own = [position for position, ad in enumerate(AD_CAMPAIGNS) if ad.origin == platform]
        here = (origin == platform) & (touch >= 0)
        campaign[here] = np.array(own)[touch[here] % len(own)]
    return campaign


def keyword_of(touch: Ints) -> Ints:
    """Position in KEYWORDS of each click on a search ad."""
    return touch // 3 % len(KEYWORDS)
