"""What the retailer must know of the published panel to stand beside it.

Only who holds which card and when it was used: the overlay gives every card of the panel to
exactly one synthetic person and never changes, repeats or delivers a row of it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from orchestration.demo.calendar_days import DAY_SECONDS, to_local
from orchestration.demo.random_numbers import Ints

STORE_ZONE = "America/New_York"


@dataclass(frozen=True)
class PanelCards:
    """The cards of the panel, ordered by number, with their last day since 1970."""

    numbers: Ints
    last_day: Ints

    def __len__(self) -> int:
        return len(self.numbers)


NO_PANEL = PanelCards(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def read_panel_cards(folder: Path) -> PanelCards:
    """Read the cards out of `transactions.parquet` of the installed panel."""
    table = pq.read_table(
        folder / "transactions.parquet", columns=["household_id", "transaction_timestamp"]
    )
    household = table["household_id"].to_numpy()
    moment = table["transaction_timestamp"].cast("timestamp[s]", safe=False).cast("int64")
    day = to_local(STORE_ZONE, moment.to_numpy()) // DAY_SECONDS
    numbers, position = np.unique(household, return_inverse=True)
    last_day = np.zeros(len(numbers), dtype=np.int64)
    np.maximum.at(last_day, position, day)
    return PanelCards(numbers, last_day)
