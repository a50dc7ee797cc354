"""Look up by position, where -1 stands for nothing.

Books point at each other by position. Asking for nothing gives nothing, also in an empty
book, so no caller needs to guard against either.
"""

import numpy as np
import pyarrow as pa

from orchestration.demo.random_numbers import Ints

NOTHING = -1


def numbers_at(numbers: Ints, positions: Ints, otherwise: int = NOTHING) -> Ints:
    """Numbers at positions, `otherwise` where there is none."""
    found = np.full(len(positions), otherwise, dtype=np.int64)
    given = positions >= 0
    found[given] = numbers[positions[given]]
    return found


def column_at(column: pa.Array, positions: Ints) -> pa.Array:
    """Values of a column at positions, empty where there is none."""
    return column.take(pa.array(positions, pa.int64(), mask=positions < 0))
