"""`homeamp-agent audit` and `backups`, by the folder alone: no secret, nothing that is run."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from homeamp_agent.changes import ANY_VALUE
from homeamp_agent.cli import main
from homeamp_agent.commands.ends import CommandError
from homeamp_agent.commands.moments import moment
from tests.changes.test_room import House, apply, edit

SECRET = "s3cret-Word"


@pytest.fixture
def state(tmp_path: Path) -> str:
    house = House(tmp_path)
    apply(house, edit("A"), edit("B", new=-5))
    apply(house, edit(old=ANY_VALUE, path=("password",), new=SECRET))
    house.room.audit.append(
        who="=cmd|' /C calc'!A0", action="x", subject="y", reason="l\u00e4nger\n\x1b"
    )
    return str(house.state)


def test_every_form_holds_the_same_rows_and_no_secret(
    state: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    sheet = tmp_path / "out" / "h.xlsx"
    assert main(["audit", "export", "--xlsx", str(sheet), "--state", state]) == 0
    assert main(["audit", "export", "--json", "-", "--state", state]) == 0
    acts = json.loads(capsysbinary.readouterr().out)
    assert [len(each["settings"]) for each in acts] == [0, 1, 2]
    assert main(["audit", "export", "--csv", "-", "--state", state]) == 0
    data = capsysbinary.readouterr().out
    assert data.startswith(b"\xef\xbb\xbfnumber,time,who,")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    told = [(each["instance"], each["key"], each["before"], each["after"]) for each in rows[2:]]
    assert told == [
        ("A", "spawn.radius", "10", "32"), ("B", "spawn.radius", "10", "-5"),
    ]  # fmt: skip
    assert rows[0]["who"] == "'=cmd|' /C calc'!A0"
    assert rows[1]["after"].startswith("secret ")
    (table,) = openpyxl.load_workbook(sheet).worksheets
    cells = [[cell.value for cell in row] for row in table.iter_rows()]
    assert (len(cells), cells[0][0], cells[1][2]) == (5, "number", "=cmd|' /C calc'!A0")
    assert table.cell(2, 3).data_type == "s"
    assert SECRET.encode() not in data + json.dumps(acts).encode() + sheet.read_bytes()


def test_it_is_filtered_and_never_writes_over_a_file(
    state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ["audit", "export", "--state", state]
    assert (
        main([*export, "--json", "-", "--instance", "b", "--key", "spawn.*", "--since", "1h"]) == 0
    )
    done = capsys.readouterr()
    assert [each["instance"] for each in json.loads(done.out)[0]["settings"]] == ["B"]
    assert done.err == "homeamp-agent: 1 act\n"
    (tmp_path / "mine.csv").write_text("mine")
    assert main([*export, "--csv", str(tmp_path / "mine.csv")]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert main([*export, "--csv", "-", "--until", "yesterday"]) == 2
    assert "is no time" in capsys.readouterr().err
    assert main(["audit", "export", "--csv", "-", "--state", str(tmp_path / "none")]) == 2
    assert "there is no audit log" in capsys.readouterr().err


def test_verify_says_how_many_lines_are_gone_from_the_end(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Path(state) / "audit" / "audit.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-2]))
    assert main(["audit", "verify", "--state", state]) == 1
    assert capsys.readouterr().out == "cut: 2 lines that were written after line 1 are gone\n"
    assert main(["audit", "verify", "--json", "--state", state]) == 1
    assert json.loads(capsys.readouterr().out)["cut"] == 2
    assert main(["audit", "export", "--json", "-", "--state", state]) == 1
    assert "not as it was written: see audit verify" in capsys.readouterr().err
    log.write_bytes(b"".join(lines[1:]))
    assert main(["audit", "verify", "--state", state]) == 1
    assert capsys.readouterr().out.startswith("broken at line 1 of 2: ")


def test_times_are_read_as_people_type_them() -> None:
    now = datetime(2026, 8, 16, 12, tzinfo=UTC)
    assert moment("90m", now) == now - timedelta(minutes=90)
    assert moment(" 3d", now) == now - timedelta(days=3)
    assert moment("2026-08-16T12:00+02:00") == datetime(2026, 8, 16, 10, tzinfo=UTC)
    local = datetime(2026, 8, 16).astimezone()
    assert moment("2026-08-16") == local
    for text in ("", "soon", "3y", "2026-13-01", "9999999d"):
        with pytest.raises(CommandError, match="is no time"):
            moment(text)


def test_a_copy_of_the_backups_alone_is_restored_from_to_a_file_only(
    state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "saved"
    (Path(state) / "backups").rename(saved)
    assert main(["backups", "list", "--json", "--state", str(saved)]) == 0
    backup = json.loads(capsys.readouterr().out.splitlines()[0])["id"]
    assert main(["backups", "restore", backup, "--state", str(saved)]) == 2
    assert "holds backups alone; restore with --to FILE" in capsys.readouterr().err
    assert {each.name for each in saved.iterdir() if each.is_file()} == set()
    target = tmp_path / "restored.yml"
    assert main(["backups", "restore", backup, "--to", str(target), "--state", str(saved)]) == 0
    assert target.read_bytes()


def test_a_name_that_a_terminal_would_obey_or_cannot_show_is_one_line_of_plain_text(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry in (Path(state) / "backups" / "entries").iterdir():
        entry.write_text(json.dumps(json.loads(entry.read_text()) | {"file": "\x1b[31m\nü.yml"}))
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["backups", "list", "--state", state]) == 0
    terminal.flush()
    assert isinstance(terminal.buffer, io.BytesIO)
    lines = terminal.buffer.getvalue().splitlines()
    assert len(lines) == 3
    assert all(line.endswith(rb"\x1b[31m\n\xfc.yml") for line in lines)
