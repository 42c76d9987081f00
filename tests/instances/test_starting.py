"""A start is told by the log of the game alone, and only a start is."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from homeamp_agent.instances.game_log import LOG
from homeamp_agent.instances.starting import starting_at

NOON = datetime(2026, 8, 16, 12, 0, 0).astimezone()
PAPER = (
    "[12:00:00] [ServerMain/INFO]: [bootstrap] Running Java 21 on Linux\n"
    "[12:00:04] [Server thread/INFO]: Starting minecraft server version 1.21.4\n"
    "[12:00:20] [Server thread/INFO]: [Shop] Enabling Shop v1.0\n"
)
READY = '[12:00:40] [Server thread/INFO]: Done (36.2s)! For help, type "help"\n'
LATER = "[12:30:00] [Server thread/INFO]: Steve joined the game\n"
VELOCITY = "[12:00:00 INFO]: Booting up Velocity 3.4.0...\n[12:00:02 INFO]: Done (1.97s)!\n"
ROLLED = "[00:00:01] [Server thread/INFO]: Steve left the game\n"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def logged(folder: Path, text: str, written: datetime) -> Path:
    file = folder / LOG
    file.parent.mkdir()
    file.write_text(text, "utf-8")
    os.utime(file, (written.timestamp(), written.timestamp()))
    return folder


@pytest.mark.parametrize(
    ("text", "saved", "is_start"),
    [
        (PAPER, after(20), True),
        (PAPER + READY, after(20), True),
        (PAPER + READY + LATER, after(42), True),
        (PAPER + READY + LATER, after(44), False),
        (PAPER + READY + LATER, after(1800), False),
        (PAPER, after(-1), False),
        (PAPER, after(3600), False),
        (VELOCITY, after(1), True),
        (VELOCITY, after(60), False),
        (ROLLED + LATER, after(-43_190), False),
        (LATER, after(1801), False),
        ("no clock: Running Java 21\n", after(1), False),
        ("[99:99:99] Running Java 21\n", after(1), False),
        ("", after(1), False),
    ],
)
def test_a_save_between_the_first_lines_and_done_is_one_at_the_start(
    tmp_path: Path, text: str, saved: datetime, is_start: bool
) -> None:
    logged(tmp_path, text, max(saved, after(40)))
    assert starting_at(tmp_path, saved) is is_start


def test_a_start_goes_on_over_midnight(tmp_path: Path) -> None:
    late = NOON.replace(hour=23, minute=59, second=50)
    text = PAPER.replace("12:00:00", "23:59:50").replace("12:00:04", "23:59:54")
    logged(tmp_path, text + READY.replace("12:00:40", "00:00:10"), late + timedelta(seconds=20))
    assert starting_at(tmp_path, late + timedelta(seconds=15))
    assert not starting_at(tmp_path, late + timedelta(seconds=30))


def test_a_log_of_yesterday_says_nothing_of_a_save_today(tmp_path: Path) -> None:
    logged(tmp_path, PAPER, after(20))
    assert not starting_at(tmp_path, after(20) + timedelta(days=1))


def test_without_a_log_that_can_be_read_nothing_is_known(tmp_path: Path) -> None:
    assert not starting_at(tmp_path, NOON)
    (tmp_path / "logs").mkdir()
    (tmp_path / LOG).mkdir()
    assert not starting_at(tmp_path, NOON)
