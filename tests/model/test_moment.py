"""Moments that somebody says: whatever the calendar holds, nothing fails on them ever after."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from homeamp_agent.model.history import ActFilter
from homeamp_agent.rpc.protocol.messages import DeviationsApproveParams
from homeamp_agent.store.moments import from_micros, to_micros

KIRITIMATI, NIUE = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Niue")


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"],
)
def test_a_moment_at_the_end_of_the_calendar_can_be_kept_and_shown_anywhere(text: str) -> None:
    params = DeviationsApproveParams.model_validate_json(f'{{"ids": ["a"], "expires": "{text}"}}')
    assert params.expires is not None
    for zone in (UTC, KIRITIMATI, NIUE):
        assert params.expires.astimezone(zone) == params.expires
    assert from_micros(to_micros(params.expires)) == params.expires
    since = ActFilter.model_validate_json(f'{{"since": "{text}"}}').since
    assert since == params.expires


def test_an_ordinary_moment_stays_as_it_was_said() -> None:
    text = "2026-08-20T03:00:00+02:00"
    found = ActFilter.model_validate_json(f'{{"since": "{text}"}}').since
    assert found == datetime.fromisoformat(text)


def test_a_moment_that_the_database_should_never_have_held_is_read() -> None:
    """One approval with such an expiry made every list of approvals fail."""
    assert from_micros(1 << 62) == datetime.max.replace(tzinfo=UTC)
    assert from_micros(-(1 << 62)) == datetime.min.replace(tzinfo=UTC)
