"""When a game that somebody restarts by the clock is looked at closely."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from homeamp_agent.model.change import ChangeRequest, ChangeStatus, InstanceRestart, WritePolicy
from homeamp_agent.rpc.next_stop import NextStop

MISSED = datetime(2026, 3, 1, 23, 58, tzinfo=UTC)


def waiting(state: str = "waiting", *missed: datetime) -> NextStop:
    change = ChangeRequest(
        id="c", reason="r", author="mia", status=ChangeStatus.WAITING, created_at=MISSED,
        write_policy=WritePolicy.ON_RESTART,
        restarts=(InstanceRestart(instance="VEL01", state=state, missed_at=missed),
                  InstanceRestart(instance="SURV01", state="waiting")),
    )  # fmt: skip
    desk: Any = SimpleNamespace(book=SimpleNamespace(all=lambda: [SimpleNamespace(change=change)]))
    return NextStop(desk)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (timedelta(minutes=5), False),  # it was just restarted
        (timedelta(hours=12), False),
        (timedelta(days=1, minutes=-9), True),
        (timedelta(days=1, minutes=9), True),  # past midnight
        (timedelta(days=7, minutes=11), False),
        (timedelta(days=7), True),
    ],
)
def test_a_missed_restart_is_expected_again_at_its_time_of_day(
    later: timedelta, expected: bool
) -> None:
    at = MISSED + later
    assert waiting("waiting", MISSED).expected(at) == (frozenset({"VEL01"}) if expected else set())
    assert waiting("written", MISSED).expected(at) == set()
    assert waiting().expected(at) == set()


def test_what_was_missed_is_told_until_it_is_written() -> None:
    assert waiting().missed() == waiting("written", MISSED).missed() == ()
    (line,) = waiting("waiting", MISSED).missed()
    assert line.startswith("change c waits for the next stop of VEL01")
