"""New errors in a game's log: told apart from old ones, across rotation, without a line's text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeamp_agent.instances import game_log
from homeamp_agent.instances.game_log import LogPosition, NewErrors, new_errors, position_of

KEY = b"k" * 32
OLD = """\
[12:00:00] [Server thread/INFO]: Done (12.3s)! For help, type "help"
[12:00:05] [Server thread/ERROR]: [Essentials] Could not load user 17
java.lang.IllegalStateException: user 17 is gone
\tat com.example.Essentials.load(Essentials.java:12)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / game_log.LOG
    file.parent.mkdir()
    file.write_text(OLD)
    return file


def after(log: Path, text: str, since: LogPosition | None = None) -> NewErrors:
    folder = log.parent.parent
    before = since or position_of(folder, KEY)
    with log.open("a") as opened:
        opened.write(text)
    return new_errors(folder, before, KEY)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[12:01:00] [Server thread/ERROR]: [TAB] no NullPointerException",
         "12:01:00 ERROR [TAB] NullPointerException"),
        ("[12:01:00 ERROR]: [LuckPerms] secret-X9", "12:01:00 ERROR [LuckPerms]"),
        ("[12:01:00] [main/ERROR] (fabric-api) secret-X9", "12:01:00 ERROR [fabric-api]"),
        ("2026-03-01 12:01:00 [SEVERE] secret-X9", "12:01:00 SEVERE"),
        ("[12:01:00] [Server thread/FATAL]: secret-X9", "12:01:00 FATAL"),
        ("java.sql.SQLException: password secret-X9", "SQLException"),
    ],
)  # fmt: skip
def test_an_error_is_told_without_what_its_line_says(log: Path, line: str, told: str) -> None:
    assert after(log, line + "\n") == NewErrors(1, 1, (told,))


def test_what_is_no_error_or_was_there_before_does_not_count(log: Path) -> None:
    well = (
        "[12:01:00] [Server thread/INFO]: ERROR is what mia said in the chat\n"
        "[12:01:01] [Server thread/WARN]: Can't keep up!\n"
        "[12:01:02] [Server thread/ERROR]: [Essentials] Could not load user 94\n"
        "java.lang.IllegalStateException: user 94 is gone\n"
        "\tat com.example.Essentials.load(Essentials.java:12)\n"
        "Caused by: java.lang.IllegalStateException: inner\n"
    )
    assert after(log, well) == NewErrors()


def test_many_alike_are_one_kind_and_a_few_are_told(log: Path) -> None:
    lines = "".join(f"[12:01:{n:02}] [main/ERROR]: [TAB] row {n}\n" for n in range(10))
    found = after(log, lines)
    assert (found.count, found.kinds, len(found.told)) == (10, 1, game_log.MAX_TOLD)


def test_a_log_begun_anew_is_read_from_its_start(log: Path) -> None:
    before = position_of(log.parent.parent, KEY)
    log.rename(log.with_name("old.log"))
    assert new_errors(log.parent.parent, before, KEY) == NewErrors(looked=False)
    log.write_text(OLD + "[12:02:00] [main/ERROR]: [TAB] x\n")
    assert new_errors(log.parent.parent, before, KEY).told == ("12:02:00 ERROR [TAB]",)
    before = position_of(log.parent.parent, KEY)
    log.write_text("[12:03:00] [main/ERROR]: [Vault] x\n")
    assert new_errors(log.parent.parent, before, KEY).count == 1


def test_only_the_last_of_a_flood_is_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(game_log, "MAX_READ_BYTES", 200)
    found = after(log, "[12:01:00 INFO]: x\n" * 100 + "[12:02:00 ERROR]: [TAB] x\n")
    assert (found.count, found.cut) == (1, True)


def test_what_is_no_plain_file_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert position_of(tmp_path, KEY) == LogPosition()
    os.mkfifo(tmp_path / game_log.LOG)
    assert position_of(tmp_path, KEY) == LogPosition()
    (tmp_path / game_log.LOG).unlink()
    (tmp_path / "secret").write_text("[12:00:00 ERROR]: x")
    (tmp_path / game_log.LOG).symlink_to(tmp_path / "secret")
    assert not new_errors(tmp_path, LogPosition(), KEY).looked
