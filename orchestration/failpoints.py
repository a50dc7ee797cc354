"""Failpoints: named places where a test lets a run be killed, fail or find the disk full.

Without the variable SHOPTHREAD_FAILPOINT a failpoint does nothing, and `shopthread doctor`
calls a set variable a problem. Every place is listed here, so that a test can walk through
all of them; what must hold afterwards is in `tests/faults`.
"""

import errno
import os
import signal
import time
from collections import Counter
from enum import StrEnum

from orchestration.settings import armed_failpoint


class Place(StrEnum):
    """Where a run may be interrupted, in the order of the flow."""

    LANDING_BEGUN = "landing.begun"
    LANDING_RECOVERED = "landing.recovered"
    LANDING_SPLIT = "landing.split"
    LANDING_JUDGED = "landing.judged"
    LANDING_WRITTEN = "landing.written"
    LANDING_IDENTIFIERS_KEPT = "landing.identifiers_kept"
    LANDING_ANNOUNCED = "landing.announced"
    LANDING_RENAMED = "landing.renamed"
    LANDING_ALL_RENAMED = "landing.all_renamed"
    LANDING_ACCEPTED = "landing.accepted"
    LANDING_QUARANTINED = "landing.quarantined"
    LANDING_REFUSED = "landing.refused"
    WAREHOUSE_LOCKED = "warehouse.locked"
    WAREHOUSE_EXPORTED = "warehouse.exported"
    WAREHOUSE_ANNOUNCED = "warehouse.announced"
    WAREHOUSE_NODE_DONE = "warehouse.node_done"
    WAREHOUSE_BUILT = "warehouse.built"
    WAREHOUSE_SETTLED = "warehouse.settled"
    GATE_OPENED = "gate.opened"
    GATE_JUDGED = "gate.judged"
    GATE_RECORDED = "gate.recorded"
    PUBLISH_STARTED = "publish.started"
    PUBLISH_CLEANED = "publish.cleaned"
    PUBLISH_MART_COPIED = "publish.mart_copied"
    PUBLISH_ANALYTICS_BUILT = "publish.analytics_built"
    PUBLISH_IDENTIFIED_BUILT = "publish.identified_built"
    PUBLISH_MART_EXPORTED = "publish.mart_exported"
    PUBLISH_AGGREGATE_BUILT = "publish.aggregate_built"
    PUBLISH_MANIFEST_WRITTEN = "publish.manifest_written"
    PUBLISH_SEALED = "publish.sealed"
    PUBLISH_VERIFIED = "publish.verified"
    PUBLISH_CONFIRMED = "publish.confirmed"
    PUBLISH_PLACED = "publish.placed"
    PUBLISH_POINTER_MOVED = "publish.pointer_moved"
    PUBLISH_LINK_MOVED = "publish.link_moved"
    PUBLISH_RECORDED = "publish.recorded"
    PUBLISH_PRUNED = "publish.pruned"


class Action(StrEnum):
    """What happens there."""

    KILL = "kill"
    """SIGKILL to the whole process group: nobody cleans up."""
    DIE = "die"
    """SIGKILL to this process alone."""
    RAISE = "raise"
    FULL = "full"
    """The disk is full."""
    PAUSE = "pause"
    """Wait long enough for somebody to end the run meanwhile."""


class FailpointError(RuntimeError):
    """A test asked for this error; it never happens otherwise."""


_PAUSE_SECONDS = 30.0
_reached: Counter[str] = Counter()


def reach(place: str) -> None:
    """Do what SHOPTHREAD_FAILPOINT asks for at `place`: `<place>=<action>[@<nth time>]`.

    Raises ValueError for an order that names no place or no action.
    """
    order = armed_failpoint()
    if not order:
        return
    wanted, _, rest = order.partition("=")
    action, _, nth = rest.partition("@")
    chosen = Action(action)
    if Place(wanted) != Place(place):
        return
    _reached[place] += 1
    if _reached[place] != int(nth or 1):
        return
    match chosen:
        case Action.KILL:
            os.killpg(0, signal.SIGKILL)
        case Action.DIE:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.RAISE:
            raise FailpointError(f"a test wants an error at {place}")
        case Action.FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"failpoint {place}")
        case Action.PAUSE:
            time.sleep(_PAUSE_SECONDS)
