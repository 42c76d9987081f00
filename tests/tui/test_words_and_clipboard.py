"""How things are said on the screen, and how they get to the clipboard."""

from __future__ import annotations

import base64
import datetime as dt

import pytest

from homeamp_agent.model.query import SettingChange
from homeamp_tui.clipboard import OSC52_BYTES_MAX, TooLong, osc52
from homeamp_tui.widgets.diff_view import reason_lines
from homeamp_tui.widgets.setting_changes import who_changed
from homeamp_tui.words import BRIEF_CHARACTERS, age_text, brief, fit, plural, value_text

NOW = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (7_200, "2h"), (90_000, "1d"),
     (6_048_000, "10w"), (-5, "0s")],
)  # fmt: skip
def test_an_age_is_one_number_and_one_unit(seconds: int, text: str) -> None:
    assert age_text(NOW - dt.timedelta(seconds=seconds), NOW) == text


def test_a_secret_is_dots_and_the_start_of_its_fingerprint() -> None:
    assert value_text({"masked": "abcdef012345"}) == "•••••• abcdef"


def test_values_stay_on_one_line_and_nothing_is_told_apart_from_empty() -> None:
    assert value_text("a\nb\tc") == "a⏎b⇥c"
    assert value_text("") == "(empty)"
    assert value_text(None) == "—"
    assert value_text(True) == "true"


def test_what_is_cut_says_so() -> None:
    assert fit("abcdef", 4) == "abc…"
    assert fit("abcd", 4) == "abcd"
    assert (plural(1, "row"), plural(2_000, "row")) == ("1 row", "2,000 rows")


def test_a_long_reason_is_cut_above_and_told_in_full_below() -> None:
    long = "because " * 40
    assert len(brief(long)) == BRIEF_CHARACTERS
    assert brief("as agreed") == "as agreed"
    assert reason_lines("as agreed") == []
    assert reason_lines(long)[1] == ((long, "diff--plain"),)


def test_copying_reaches_the_laptop_through_tmux_and_screen() -> None:
    plain = osc52("héllo", {})
    assert plain == "\x1b]52;c;" + base64.b64encode("héllo".encode()).decode() + "\x07"
    assert osc52("x", {"TMUX": "1"}).startswith("\x1bPtmux;\x1b\x1b]52")
    assert osc52("x", {"TERM": "screen.xterm"}).startswith("\x1bP\x1b]52")


def test_more_than_a_terminal_takes_is_refused_rather_than_fit() -> None:
    with pytest.raises(TooLong):
        osc52("x" * OSC52_BYTES_MAX, {})


@pytest.mark.parametrize(
    ("by", "change_id", "told"),
    [
        ("homeamp", "chg-1", "by change chg-1"),
        ("homeamp", None, "by homeamp"),
        ("start", None, "as the instance started"),
        ("outside", None, "from outside"),
    ],
)
def test_whose_a_change_was_is_said_as_far_as_it_is_known(
    by: str, change_id: str | None, told: str
) -> None:
    change = SettingChange(
        at=NOW, instance="SURV01", plugin=None, file="a.yml", key="a", path=("a",), by=by,
        change_id=change_id,
    )  # fmt: skip
    assert who_changed(change) == told
    away = change.model_copy(update={"while_away": True})
    assert who_changed(away) == f"{told}, while the agent was away"
