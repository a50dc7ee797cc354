"""A run leaves the history when it is old and over and nobody needs it, and not before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestration.old_runs import PastRun, runs_to_remove

NOW = datetime(2026, 11, 25, 5, 30, tzinfo=UTC)
KEEP_DAYS = 30


def run(name: str, days_old: float, *, is_over: bool = True) -> PastRun:
    return PastRun(name, NOW - timedelta(days=days_old), is_over)


def removable(*runs: PastRun, needed: tuple[str, ...] = (), at_most: int = 99) -> tuple[str, ...]:
    return runs_to_remove(runs, needed=needed, now=NOW, keep_days=KEEP_DAYS, at_most=at_most)


def test_old_runs_go_and_the_oldest_goes_first() -> None:
    assert removable(run("new", 29.9), run("old", 31), run("older", 400)) == ("older", "old")


def test_a_run_that_goes_on_stays_whatever_its_age() -> None:
    assert removable(run("stuck", 400, is_over=False)) == ()


def test_a_run_that_somebody_needs_stays_whatever_its_age() -> None:
    assert removable(run("needed", 400), run("old", 31), needed=("needed",)) == ("old",)


def test_what_is_too_much_at_once_waits_for_the_next_time() -> None:
    runs = [run(f"run {age}", age) for age in range(31, 41)]
    assert removable(*runs, at_most=3) == ("run 40", "run 39", "run 38")


ANY_RUN = st.builds(
    run, st.sampled_from("abcdefgh"), st.floats(0, 1000, allow_nan=False), is_over=st.booleans()
)


@given(st.lists(ANY_RUN, unique_by=lambda one: one.run_id), st.frozensets(st.sampled_from("abcd")))
def test_nothing_that_is_young_needed_or_unfinished_ever_goes(
    runs: list[PastRun], needed: frozenset[str]
) -> None:
    gone = set(runs_to_remove(runs, needed=needed, now=NOW, keep_days=KEEP_DAYS))
    kept = [one for one in runs if one.run_id not in gone]
    assert gone.isdisjoint(needed)
    assert {one.run_id for one in runs if not one.is_over} <= {one.run_id for one in kept}
    for one in kept:
        is_young = NOW - one.last_changed_at <= timedelta(days=KEEP_DAYS)
        assert is_young or not one.is_over or one.run_id in needed
