"""Experiments: who was assigned to treatment and control of each randomised campaign.

As the sender's tool exports it. What the treatment did is truth, not data.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.demo.campaigns import BY_EMAIL, BY_MAIL, sending_moments
from orchestration.demo.channels.direct_mail import piece_ids
from orchestration.demo.columns import Rows, chosen, constant, either, flags, seconds
from orchestration.demo.feeds import Feed
from orchestration.demo.formats import Csv
from orchestration.demo.world import World

FEED = Feed(
    "synthetic_experiments",
    "assignments",
    key=("experiment", "subject"),
    dated_by="assigned_at",
    dialect=Csv(is_gzipped=True),
)
FEEDS = (FEED,)
_MINUTES_BEFORE = 30 * 60


def deliver(world: World) -> Iterator[tuple[Feed, Rows]]:
    """Assignments of e-mail and mail campaigns, shortly before they are sent."""
    touches = world.behaviour.touches
    touch = np.flatnonzero(np.isin(touches.channel, (BY_EMAIL, BY_MAIL)))
    person, channel, day = touches.person[touch], touches.channel[touch], touches.day[touch]
    by_email = channel == BY_EMAIL
    profile = world.identifiers.profile_text(person)
    is_holdout = touches.is_holdout[touch]
    names = [campaign.name for campaign in world.campaigns] or [""]
    columns = {
        "experiment": chosen(names, touches.campaign[touch]),
        "subject_type": either(by_email, "message_profile", constant("mail_piece", len(touch))),
        "subject": either(by_email, profile, piece_ids(touch)),
        "variant": either(is_holdout, "control", constant("treatment", len(touch))),
        "is_holdout": flags(is_holdout),
        "assigned_at": seconds(sending_moments(world.days, channel, day) - _MINUTES_BEFORE),
    }
    yield FEED, Rows(columns, day)
