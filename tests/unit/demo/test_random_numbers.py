"""Named streams, whole-number draws, and scattering without collisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.demo.random_numbers import (
    MILLION,
    Lottery,
    Stream,
    exponential_quantiles,
    mixed,
)

SEEDS = st.integers(0, 2**63)


def test_the_words_of_a_stream_never_change() -> None:
    """Philox 4x64 with this key: the algorithm says so, on every machine."""
    words = Stream(7, "people").words(4)
    assert [f"{word:016x}" for word in words] == [
        "649d7bcb400585f6",
        "e00c6f2e6daccd55",
        "400df04a8aa55f12",
        "5ad8c02eea364d48",
    ]


@given(SEEDS, st.integers(1, 2**31 - 1))
def test_numbers_stay_below_their_bound(seed: int, bound: int) -> None:
    drawn = Stream(seed, "bound").below(bound, 200)
    assert ((drawn >= 0) & (drawn < bound)).all()


@given(SEEDS)
def test_a_chance_of_nothing_and_of_certainty(seed: int) -> None:
    assert not Stream(seed, "chance").chance(0, 500).any()
    assert Stream(seed, "chance").chance(MILLION, 500).all()


@given(SEEDS, st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(sum))
def test_a_weight_of_zero_is_never_picked(seed: int, weights: list[int]) -> None:
    picked = Stream(seed, "pick").pick(weights, 300)
    lottery = Lottery(np.array([weights]))
    by_row = Stream(seed, "row").pick_by_row(lottery, np.zeros(300, dtype=np.int64))
    allowed = {position for position, weight in enumerate(weights) if weight}
    assert set(picked) <= allowed
    assert set(by_row) <= allowed


def test_weights_are_shares() -> None:
    counts = np.bincount(Stream(1, "shares").pick((70, 20, 10), 100_000))
    assert counts == pytest.approx([70_000, 20_000, 10_000], rel=0.03)


def test_waiting_times_have_their_mean() -> None:
    assert exponential_quantiles().mean() == pytest.approx(MILLION, rel=0.001)
    assert Stream(1, "wait").exponential(500, 50_000).mean() == pytest.approx(500, rel=0.03)


@given(SEEDS, st.integers(0, 2**62))
def test_scattered_numbers_never_meet(key: int, first: int) -> None:
    numbers = first + np.arange(2_000, dtype=np.int64)
    assert len(np.unique(mixed(numbers, key))) == len(numbers)


@given(SEEDS)
def test_shuffled_is_a_permutation(seed: int) -> None:
    assert sorted(Stream(seed, "shuffle").shuffled(300)) == list(range(300))
