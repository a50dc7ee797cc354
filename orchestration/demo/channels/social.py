"""Social networks and reviews: who engaged with the brand, and how posts did.

Engagements carry a handle, never an address; which person a handle is, the CRM knows for a
few. Reviews come after orders; a few sites publish them without an order.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.calendar_days import DAY_SECONDS, SHOP_ZONE, online_seconds, to_utc
from orchestration.demo.channels.shop import order_names
from orchestration.demo.columns import (
    Column,
    Rows,
    chosen,
    dates,
    digits,
    flags,
    joined,
    only,
    seconds,
    whole,
)
from orchestration.demo.feeds import Feed, find_feed
from orchestration.demo.formats import Csv, JsonArray, NewlineJson
from orchestration.demo.random_numbers import Ints
from orchestration.demo.world import World

SOCIAL, REVIEWS = "synthetic_social", "synthetic_reviews"
FEEDS = (
    Feed(
        SOCIAL, "engagements", key=("engagement_id",), dated_by="occurred_at", dialect=NewlineJson()
    ),
    Feed(
        SOCIAL, "posts_daily", key=("date", "post_id"), dated_by="date", dialect=Csv(is_quoted=True)
    ),
    Feed(REVIEWS, "reviews", key=("review_id",), dated_by="published_at", dialect=JsonArray()),
)
NETWORKS = ("facebook", "instagram", "x", "tiktok")
TYPES = ("like", "comment", "share", "post", "mention", "follow")
SITES = ("grocerreviews.example", "shop.maple-main.example", "maps.example")
_ENGAGES_PPM = 9_000
_REVIEWS_PPM = 45_000
_DAYS_TO_REVIEW = 9


def deliver(world: World) -> Iterator[tuple[Feed, Rows]]:
    """Engagements, posts and reviews."""
    yield find_feed(FEEDS, SOCIAL, "engagements"), _engagements(world)
    yield find_feed(FEEDS, SOCIAL, "posts_daily"), _posts(world)
    yield find_feed(FEEDS, REVIEWS, "reviews"), _reviews(world)


def _engagements(world: World) -> Rows:
    people, stream = world.people, world.streams.named("social/engagements")
    who, when = [], []
    with_handle = np.flatnonzero(world.identifiers.has_handle)
    first, last = people.first_day[with_handle], people.last_day[with_handle]
    for today in range(world.days.count):
        alive = (first <= today) & (today <= last)
        engaged = with_handle[alive & stream.chance(_ENGAGES_PPM, len(with_handle))]
        who.append(engaged)
        when.append(np.full(len(engaged), today))
    person, day = np.concatenate(who), np.concatenate(when)
    count = len(person)
    kind = stream.pick((58, 14, 8, 7, 8, 5), count)
    moment = to_utc(
        SHOP_ZONE, world.days.since_1970(day) * DAY_SECONDS + online_seconds(stream, count)
    )
    product = stream.below(world.catalogue.gift_card, count)
    number = np.arange(count, dtype=np.int64)
    columns: dict[str, Column] = {
        "engagement_id": joined("EN", digits(number + 1, 9)),
        "network": chosen(NETWORKS, stream.pick((40, 36, 12, 12), count)),
        "engagement_type": chosen(TYPES, kind),
        "handle": world.identifiers.handle_text(person, people),
        "post_id": only(_post_ids(day // 3), np.isin(kind, (0, 1, 2))),
        "sku": only(chosen(world.catalogue.skus(), product), np.isin(kind, (1, 3, 4))),
        "sentiment_percent": whole(stream.between(-80, 101, count)),
        "occurred_at": seconds(moment),
    }
    return Rows(columns, day).ordered_by(moment, number)


def _post_ids(number: Ints) -> Column:
    return joined("POST", digits(number, 5))


def _posts(world: World) -> Rows:
    """A post every third day is counted for nine days."""
    stream = world.streams.named("social/posts")
    day, age = (axis.ravel() for axis in np.indices((world.days.count, 3)))
    post = day // 3 - age
    count = len(day)
    impressions = stream.between(400, 9_000, count) // (age * age * 4 + 1)
    columns: dict[str, Column] = {
        "date": dates(world.days.since_1970(day)),
        "post_id": _post_ids(np.maximum(post, 0)),
        "network": chosen(NETWORKS, np.maximum(post, 0) % len(NETWORKS)),
        "impressions": whole(impressions),
        "reach": whole(impressions * 8 // 10),
        "likes": whole(impressions // 30),
        "comments": whole(impressions // 400),
        "shares": whole(impressions // 300),
        "clicks": whole(impressions // 90),
    }
    return Rows(columns, day).where(post >= 0)


def _reviews(world: World) -> Rows:
    """Ratings after orders; late parcels are remembered."""
    stream, sales = world.streams.named("reviews"), world.web_sales
    day = sales.day + _DAYS_TO_REVIEW
    writes = stream.chance(_REVIEWS_PPM, len(sales)) & (day <= world.last_day)
    order = np.flatnonzero(writes)
    count = len(order)
    rating = 5 - stream.pick((52, 26, 12, 6, 4), count)
    rating = np.maximum(rating - 2 * sales.purchases.is_late[order], 1)
    first_line = np.searchsorted(sales.lines.sale, order)
    site = stream.pick((25, 55, 20), count)
    is_own = site == 1
    published = to_utc(SHOP_ZONE, sales.local[order] + _DAYS_TO_REVIEW * DAY_SECONDS)
    person = sales.person[order]
    columns: dict[str, Column] = {
        "review_id": joined("RV", digits(order + 1, 8)),
        "site": chosen(SITES, site),
        "sku": chosen(world.catalogue.skus(), sales.lines.product[first_line]),
        "author_email": only(world.emails.as_typed(person, stream), is_own),
        "rating": whole(rating),
        "is_verified": flags(is_own),
        "order_name": only(order_names(order), is_own),
        "helpful_votes": whole(stream.exponential(3, count)),
        "sentiment_percent": whole(rating * 40 - 110 + stream.below(20, count)),
        "published_at": seconds(published),
    }
    return Rows(columns, day[order]).ordered_by(published)
