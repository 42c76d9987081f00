"""Maintenance windows, also over midnight and on the nights on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeamp_agent.model.window import NoWindow, Window, window_of, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 29, tzinfo=UTC)
"""At 01:00 UTC the clock goes from 02:00 to 03:00."""
AUTUMN = datetime(2026, 10, 25, tzinfo=UTC)
"""At 01:00 UTC the clock goes from 03:00 back to 02:00."""


def berlin(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=BERLIN)


def test_it_is_open_from_its_first_minute_up_to_its_last() -> None:
    window = Window.parse("03:00-05:30", BERLIN)
    assert not window.contains(berlin(1, 2, 59))
    assert window.contains(berlin(1, 3))
    assert window.contains(berlin(1, 5, 29))
    assert not window.contains(berlin(1, 5, 30))
    assert window.next_opening(berlin(1, 5, 30)) == berlin(2, 3)
    assert window.closing(berlin(1, 4)) == berlin(1, 5, 30)


def test_it_may_cross_midnight() -> None:
    window = Window.parse("22:00 - 02:00", BERLIN)
    assert window.contains(berlin(1, 23, 59))
    assert window.contains(berlin(2, 0))
    assert not window.contains(berlin(2, 2))
    assert window.next_opening(berlin(2, 1)) == berlin(2, 1)
    assert window.closing(berlin(1, 22)) == berlin(2, 2)


def test_it_is_the_operator_s_clock_that_counts_not_the_host_s() -> None:
    tokyo = Window.parse("03:00-04:00", ZoneInfo("Asia/Tokyo"))
    assert tokyo.next_opening(datetime(2026, 7, 1, tzinfo=UTC)) == datetime(
        2026, 7, 1, 18, tzinfo=UTC
    )


def test_in_spring_it_opens_when_the_clock_has_jumped_into_it() -> None:
    window = Window.parse("02:30-04:00", BERLIN)
    assert window.next_opening(SPRING) == SPRING + timedelta(hours=1)
    assert window.closing(SPRING + timedelta(hours=1)) == SPRING + timedelta(hours=2)


def test_in_spring_a_window_that_the_clock_skips_waits_for_the_next_night() -> None:
    window = Window.parse("02:15-02:45", BERLIN)
    assert window.next_opening(SPRING) == SPRING + timedelta(days=1, minutes=15)


def test_in_autumn_it_is_open_in_both_hours_that_the_clock_shows_twice() -> None:
    window = Window.parse("02:15-02:45", BERLIN)
    first, second = AUTUMN + timedelta(minutes=15), AUTUMN + timedelta(hours=1, minutes=15)
    assert window.next_opening(AUTUMN) == first
    assert window.closing(first) == first + timedelta(minutes=30)
    assert window.next_opening(first + timedelta(minutes=30)) == second


def test_in_autumn_one_over_the_change_is_an_hour_longer() -> None:
    window = Window.parse("01:00-04:00", BERLIN)
    opening = window.next_opening(AUTUMN - timedelta(hours=2))
    assert window.closing(opening) - opening == timedelta(hours=4)


@given(
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.integers(1, 24 * 60 - 1),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_it_opens_within_three_days_and_never_in_the_past(
    start: time, minutes: int, moment: datetime, zone: str
) -> None:
    end = (datetime(2026, 1, 1, start.hour, start.minute) + timedelta(minutes=minutes)).time()
    window = Window.parse(f"{start:%H:%M}-{end:%H:%M}", ZoneInfo(zone))
    now = moment.replace(tzinfo=UTC)
    opening = window.next_opening(now)
    assert now <= opening <= now + timedelta(days=3)
    assert window.contains(opening)


@pytest.mark.parametrize("text", ["", "night", "3-5", "25:00-26:00", "03:00", "03:00-03:00"])
def test_what_is_no_window_is_told_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(NoWindow, match="is no window"):
        Window.parse(text, BERLIN)


def test_a_window_has_a_name_or_is_written_out() -> None:
    named = {"night": "03:00-05:00"}
    assert str(window_of("night", named, BERLIN)) == "night (03:00-05:00 Europe/Berlin)"
    assert str(window_of("22:00-02:00", named, BERLIN)) == "22:00-02:00 Europe/Berlin"
    assert window_of(None, named, BERLIN) is None
    with pytest.raises(NoWindow, match="or one of night"):
        window_of("nigth", named, BERLIN)


@pytest.mark.parametrize("name", ["Europe/Berlinn", "", "../etc/passwd", "\0"])
def test_a_time_zone_that_is_none_is_told(name: str) -> None:
    with pytest.raises(NoWindow, match="is no time zone"):
        zone_of(name)
