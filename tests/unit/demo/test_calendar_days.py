"""Local times of places that change their clocks, and days on which nobody shops."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.demo.calendar_days import Days, to_local, to_utc
from orchestration.demo.places import CITIES

ZONES = sorted({city.zone for city in CITIES})


def wall(year: int, month: int, day: int, hour: int, minute: int) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())


def moment(zone: str, local: int) -> str:
    return datetime.fromtimestamp(int(to_utc(zone, np.array([local]))[0]), UTC).strftime("%H:%M")


def test_the_hour_that_is_left_out_in_spring() -> None:
    new_york = "America/New_York"
    assert moment(new_york, wall(2017, 3, 12, 1, 59)) == "06:59"
    assert moment(new_york, wall(2017, 3, 12, 2, 30)) == "07:30"  # as if the clocks had not moved
    assert moment(new_york, wall(2017, 3, 12, 3, 0)) == "07:00"
    assert moment("America/Phoenix", wall(2017, 3, 12, 2, 30)) == "09:30"


def test_the_hour_that_comes_twice_in_autumn() -> None:
    assert moment("America/Chicago", wall(2017, 11, 5, 0, 59)) == "05:59"
    assert moment("America/Chicago", wall(2017, 11, 5, 1, 30)) == "06:30"  # the first of both
    assert moment("America/Chicago", wall(2017, 11, 5, 2, 0)) == "08:00"


@pytest.mark.parametrize("zone", ZONES)
@given(moments=st.lists(st.integers(wall(2016, 12, 1, 0, 0), wall(2018, 2, 1, 0, 0)), min_size=1))
def test_local_times_are_those_of_the_standard_library(zone: str, moments: list[int]) -> None:
    ours = to_local(zone, np.array(moments))
    theirs = [
        datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=UTC).timestamp() for at in moments
    ]
    assert ours.tolist() == theirs
    # There and back, but for the second one of an hour that comes twice.
    back = to_utc(zone, ours) - np.array(moments)
    assert set(back.tolist()) <= {0, -3600}


def test_christmas_is_closed_and_saturdays_are_busy() -> None:
    season = Days(date(2017, 12, 18), 14).season()
    assert season[7] == 0
    assert season[5] > season[1]
