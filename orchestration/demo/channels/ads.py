"""Ad platforms: performance by day, keywords and single clicks, and Search Console.

In the shapes of Google Ads (millionths of a currency unit) and Meta Ads (action arrays).
Clicks are those that people made; impressions and what platforms claim as conversions are
theirs. Accounts have their own currency and zone.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.baskets import summed_by
from orchestration.demo.behaviour import FROM_AD
from orchestration.demo.channels.clicks import (
    AD_CAMPAIGNS,
    KEYWORDS,
    ad_campaign_of,
    keyword_of,
)
from orchestration.demo.columns import (
    Column,
    Rows,
    cents,
    chosen,
    constant,
    dates,
    digits,
    either,
    joined,
    json_object,
    only,
    seconds,
    whole,
)
from orchestration.demo.devices import DEVICE_KINDS
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, JsonArray
from orchestration.demo.random_numbers import Ints, Stream
from orchestration.demo.session_book import GOOGLE_ADS, SEARCHES, SessionBook
from orchestration.demo.world import World

GOOGLE, META, SEARCH = "synthetic_google_ads", "synthetic_meta_ads", "synthetic_search_console"
FEEDS = (
    Feed(
        GOOGLE,
        "ad_stats",
        key=("date", "account_id", "ad_id", "device"),
        dated_by="date",
        dialect=Csv(),
        restated_after=(1,),
    ),
    Feed(
        GOOGLE,
        "keyword_stats",
        key=("date", "customer_id", "keyword_text"),
        dated_by="date",
        dialect=Csv(),
    ),
    Feed(GOOGLE, "clicks", key=("gclid",), dated_by="date", dialect=Csv(is_gzipped=True)),
    Feed(
        META,
        "ad_stats",
        key=("date", "account_id", "ad_id", "device_platform"),
        dated_by="date",
        dialect=JsonArray(),
    ),
    Feed(
        SEARCH,
        "performance",
        key=("date", "query", "country", "device"),
        dated_by="date",
        dialect=Csv(delimiter="\t"),
    ),
)
ACCOUNT_ZONES = {
    GOOGLE: ("America/New_York", "America/Vancouver"),
    META: ("America/Chicago", "America/Toronto"),
}
_MICROS_A_CENT = 10_000
_FIRST_ACCOUNT = 4_410_000_000
_COUNTRIES = ("US", "CA")


def deliver(world: World, sessions: SessionBook) -> Iterator[tuple[Feed, Rows]]:
    """Rows of all platforms."""
    clicked = sessions.where((sessions.reason == FROM_AD) & (sessions.touch >= 0))
    campaign = ad_campaign_of(clicked.origin, clicked.touch)
    stats = _by_day(world, clicked, campaign, world.streams.named("ads/stats"))
    is_meta = np.array([ad.kind in ("retargeting", "social") for ad in AD_CAMPAIGNS])
    yield find_feed(FEEDS, GOOGLE, "ad_stats"), _google(world, stats).where(~is_meta[stats["ad"]])
    yield find_feed(FEEDS, META, "ad_stats"), _meta(world, stats).where(is_meta[stats["ad"]])
    is_search = np.isin(campaign, (0, 1))
    yield find_feed(FEEDS, GOOGLE, "keyword_stats"), _keywords(world, clicked.where(is_search))
    yield (
        find_feed(FEEDS, GOOGLE, "clicks"),
        _clicks(world, clicked.where(clicked.origin == GOOGLE_ADS)),
    )
    yield find_feed(FEEDS, SEARCH, "performance"), _search(world)


def _by_day(world: World, clicked: SessionBook, campaign: Ints, stream: Stream) -> dict[str, Ints]:
    """One entry for each day, ad, country and device, days without a click included."""
    shape = (world.days.count, len(AD_CAMPAIGNS), len(_COUNTRIES), len(DEVICE_KINDS))
    day, ad, country, device = (axis.ravel() for axis in np.indices(shape))
    in_country = world.currencies[world.people.store[clicked.person]]
    kind = world.devices.kind[clicked.device]
    cell = np.ravel_multi_index((clicked.day, campaign, in_country, kind), shape)
    clicks = summed_by(cell, np.ones(len(cell), dtype=np.int64), len(day))
    usual = np.array([a.impressions_a_click for a in AD_CAMPAIGNS])[ad]
    price = np.array([a.cents_a_click for a in AD_CAMPAIGNS])[ad]
    price = np.where(country == 1, price * 128 // 100, price)
    count = len(day)
    bought = clicked.order >= 0
    conversions = summed_by(cell, bought.astype(np.int64), count)
    return {
        "day": day,
        "ad": ad,
        "country": country,
        "device": device,
        "clicks": clicks,
        "impressions": clicks * usual + stream.below(usual, count) * 3,
        "micros": clicks * price * _MICROS_A_CENT + clicks * stream.below(90_000, count),
        "conversions": conversions + stream.chance(clicks * 12_000, count),
        "value": stream.between(900, 7_000, count),
    }


def _identity(world: World, stats: dict[str, Ints], source: str) -> dict[str, Column]:
    ad, country = stats["ad"], stats["country"]
    return {
        "date": dates(world.days.since_1970(stats["day"])),
        "account_id": whole(_FIRST_ACCOUNT + country),
        "account_currency": chosen(("USD", "CAD"), country),
        "account_time_zone": chosen(ACCOUNT_ZONES[source], country),
        "campaign_id": whole(910_000 + ad),
        "campaign_name": chosen([a.name for a in AD_CAMPAIGNS], ad),
    }


def _google(world: World, stats: dict[str, Ints]) -> Rows:
    ad = stats["ad"]
    columns = _identity(world, stats, GOOGLE)
    columns |= {
        "advertising_channel_type": chosen([a.kind.upper() for a in AD_CAMPAIGNS], ad),
        "ad_group_id": whole(920_000 + ad),
        "ad_id": whole(930_000 + ad),
        "device": chosen([kind.upper() for kind in DEVICE_KINDS], stats["device"]),
        "impressions": whole(stats["impressions"]),
        "clicks": whole(stats["clicks"]),
        "cost_micros": whole(stats["micros"]),
        "conversions": whole(stats["conversions"]),
        "conversions_value": cents(stats["conversions"] * stats["value"]),
        "view_through_conversions": whole(stats["impressions"] // 900),
    }
    return Rows(columns, stats["day"])


def _meta(world: World, stats: dict[str, Ints]) -> Rows:
    ad = stats["ad"]
    columns = _identity(world, stats, META)
    purchases = json_object(
        {
            "action_type": constant("purchase", len(ad)),
            "value": digits(stats["conversions"]),
            "7d_click": digits(stats["conversions"]),
        }
    )
    columns |= {
        "adset_id": whole(940_000 + ad),
        "ad_id": whole(950_000 + ad),
        "objective": chosen([a.objective.upper() for a in AD_CAMPAIGNS], ad),
        "device_platform": chosen(DEVICE_KINDS, stats["device"]),
        "impressions": whole(stats["impressions"]),
        "reach": whole(stats["impressions"] * 7 // 10),
        "inline_link_clicks": whole(stats["clicks"]),
        "spend": cents(stats["micros"] // _MICROS_A_CENT),
        "actions": joined("[", purchases, "]"),
    }
    return Rows(columns, stats["day"], json=frozenset({"actions"}))


def _keywords(world: World, clicked: SessionBook) -> Rows:
    """Search ads by keyword, match type and search term."""
    shape = (world.days.count, len(KEYWORDS), len(_COUNTRIES))
    day, keyword, country = (axis.ravel() for axis in np.indices(shape))
    in_country = world.currencies[world.people.store[clicked.person]]
    cell = np.ravel_multi_index((clicked.day, keyword_of(clicked.touch), in_country), shape)
    clicks = summed_by(cell, np.ones(len(cell), dtype=np.int64), len(day))
    words, matches, terms = zip(*KEYWORDS, strict=True)
    return Rows(
        {
            "date": dates(world.days.since_1970(day)),
            "customer_id": whole(_FIRST_ACCOUNT + country),
            "ad_group_id": whole(920_000 + keyword % 2),
            "keyword_text": chosen(words, keyword),
            "keyword_match_type": chosen(matches, keyword),
            "search_term": chosen(terms, keyword),
            "impressions": whole(clicks * 14 + 5 + keyword),
            "clicks": whole(clicks),
            "cost_micros": whole(clicks * (350_000 + keyword * 120_000)),
            "quality_score": whole(9 - keyword),
        },
        day,
    )


def _clicks(world: World, clicked: SessionBook) -> Rows:
    """One row a click; the only place where a click id meets its keyword."""
    campaign = ad_campaign_of(clicked.origin, clicked.touch)
    keyword = keyword_of(clicked.touch)
    is_search = campaign < 2
    return Rows(
        {
            "gclid": world.identifiers.click_text(clicked.touch, "google"),
            "date": dates(world.days.since_1970(clicked.day)),
            "clicked_at": seconds(clicked.start - 2),
            "customer_id": whole(
                _FIRST_ACCOUNT + world.currencies[world.people.store[clicked.person]]
            ),
            "campaign_id": whole(910_000 + campaign),
            "ad_group_id": whole(920_000 + campaign),
            "keyword_text": only(chosen([word for word, _, _ in KEYWORDS], keyword), is_search),
            "device": chosen(
                [kind.upper() for kind in DEVICE_KINDS], world.devices.kind[clicked.device]
            ),
        },
        clicked.day,
    ).ordered_by(clicked.start)


def _search(world: World) -> Rows:
    """Unpaid results of the search engine, by query, page, country and device."""
    shape = (world.days.count, len(SEARCHES), len(_COUNTRIES), 2)
    day, query, country, device = (axis.ravel() for axis in np.indices(shape))
    stream = world.streams.named("search/performance")
    impressions = stream.between(5, 400, len(day)) // (query + 1)
    position = 10 + query * 7 + stream.below(30, len(day))
    page = either(
        query % 2 == 0,
        "https://shop.maple-main.example/",
        constant("https://shop.maple-main.example/gift-options", len(day)),
    )
    return Rows(
        {
            "date": dates(world.days.since_1970(day)),
            "property": constant("sc-domain:maple-main.example", len(day)),
            "query": chosen(SEARCHES, query),
            "page": page,
            "country": chosen(("usa", "can"), country),
            "device": chosen(("MOBILE", "DESKTOP"), device),
            "impressions": whole(impressions),
            "clicks": whole(impressions * 30 // (position + 60)),
            "position": cents(position * 10),
        },
        day,
    ).where(impressions > 0)
