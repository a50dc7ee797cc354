"""Random numbers that are the same on every machine, in named streams.

One stream per purpose, keyed by seed and name, so that a new purpose moves no other. Only
NumPy's raw Philox words are used: their sequence is fixed by the algorithm, while NumPy's
distributions may change between its versions (its policy, NEP 19). Everything behind the
words is integer arithmetic, because exponentials and logarithms of floats differ in their
last bit between processors. Probabilities are parts per million. What is drawn belongs to
the modules that draw.
"""

import hashlib
from collections.abc import Sequence
from decimal import Decimal, localcontext
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Words: TypeAlias = npt.NDArray[np.uint64]

MILLION = 1_000_000
BILLION = 1_000_000_000
_HALF_WORD = np.uint64(32)
_SLOTS = 4096


class Stream:
    """An endless sequence of 64-bit words that belongs to one purpose."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        self._philox = np.random.Philox(key=int.from_bytes(digest[:16], "little"))

    def words(self, count: int) -> Words:
        """The next raw words."""
        return np.asarray(self._philox.random_raw(count), dtype=np.uint64)

    def below(self, bound: int | Ints, count: int) -> Ints:
        """Whole numbers from 0 to below `bound`, which is below 2**31."""
        high = self.words(count) >> _HALF_WORD
        return ((high * np.asarray(bound, dtype=np.uint64)) >> _HALF_WORD).astype(np.int64)

    def between(self, low: int, high: int, count: int) -> Ints:
        """Whole numbers from `low` to below `high`."""
        return low + self.below(high - low, count)

    def billionths(self, count: int) -> Ints:
        """Even numbers of the unit interval, in billionths."""
        return self.below(BILLION, count)

    def chance(self, ppm: int | Ints, count: int) -> Bools:
        """True with a probability of `ppm` millionths."""
        return np.asarray(self.below(MILLION, count) < ppm)

    def pick(self, weights: Sequence[int] | Ints, count: int) -> Ints:
        """Positions of `weights`, each as often as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.int64))
        return np.searchsorted(edges, self.below(int(edges[-1]), count), side="right")

    def pick_by_row(self, table: "Lottery", rows: Ints) -> Ints:
        """For each row number one position of that row's weights."""
        return table.slots[rows, self.below(_SLOTS, len(rows))]

    def exponential(self, mean: int | Ints, count: int) -> Ints:
        """Waiting times with that mean, in its unit, rounded down."""
        return exponential_quantiles()[self.below(_SLOTS, count)] * mean // MILLION

    def shuffled(self, count: int) -> Ints:
        """The numbers below `count` in random order."""
        return np.argsort(self.words(count), kind="stable")


class Streams:
    """All streams of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def named(self, name: str) -> Stream:
        """A stream at its beginning; the same name begins with the same words."""
        return Stream(self.seed, name)


class Lottery:
    """Rows of weights, prepared so that a draw is one look-up."""

    def __init__(self, weights: Ints) -> None:
        self.slots: Ints = np.stack([_fill_slots(row) for row in weights])


def _fill_slots(weights: Ints) -> Ints:
    edges = np.cumsum(weights)
    middle = (2 * np.arange(_SLOTS, dtype=np.int64) + 1) * int(edges[-1]) // (2 * _SLOTS)
    return np.searchsorted(edges, middle, side="right")


@cache
def exponential_quantiles() -> Ints:
    """Quantiles of the exponential distribution with mean one million.

    Decimals are rounded correctly everywhere; a processor's logarithm is not.
    """
    with localcontext() as context:
        context.prec = 15
        share = [Decimal(2 * slot + 1) / Decimal(2 * _SLOTS) for slot in range(_SLOTS)]
        values = [int(-(1 - part).ln() * MILLION) for part in share]
    return np.array(values, dtype=np.int64)


def mixed(numbers: Ints, key: int) -> Words:
    """Scatter numbers over 64 bits without a collision (the finaliser of SplitMix64)."""
    word = np.asarray(numbers).astype(np.uint64) + np.uint64(key)
    word = (word + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(word ^ (word >> np.uint64(31)), dtype=np.uint64)


def key_of(seed: int, name: str) -> int:
    """A 64-bit key for `mixed`, by seed and name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/mix/{name}".encode()).digest()[:8], "little")
